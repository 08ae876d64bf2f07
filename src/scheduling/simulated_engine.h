// An engine that takes the time of a simulation and does nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "base/time.h"
#include "scheduling/policy.h"

namespace sluice::scheduling {

// Each call takes as long as it needs, whatever runs beside it. With full preemption those of best
// effort stand still while one of realtime runs. One thread; time does not go back.
class SimulatedEngine {
 public:
  explicit SimulatedEngine(Preemption preemption) : preemption_(preemption) {}

  void start(TicketId ticket, ServiceClass service_class, Duration service) {
    running_.push_back({ticket, service_class, service});
    if (service_class == ServiceClass::kRealtime) ++realtime_;
  }
  void remove(TicketId ticket) {
    const auto found = std::ranges::find(running_, ticket, &Running::ticket);
    if (found == running_.end()) return;
    if (found->service_class == ServiceClass::kRealtime) --realtime_;
    running_.erase(found);
  }
  void advance(TimePoint now) {
    const Duration passed = now - now_;
    now_ = now;
    for (Running& one : running_) {
      if (goes_on(one)) one.left -= passed;
    }
  }

  struct End {
    TimePoint at;
    TicketId ticket = 0;
  };
  // Which call is done first, where nothing else happens.
  [[nodiscard]] std::optional<End> next_end() const {
    std::optional<End> first;
    for (const Running& one : running_) {
      if (!goes_on(one)) continue;
      const TimePoint at = now_ + std::max(one.left, Duration::zero());
      if (!first || at < first->at) first = End{at, one.ticket};
    }
    return first;
  }
  [[nodiscard]] std::size_t running() const { return running_.size(); }

 private:
  struct Running {
    TicketId ticket = 0;
    ServiceClass service_class = ServiceClass::kRealtime;
    Duration left{};
  };
  [[nodiscard]] bool goes_on(const Running& one) const {
    return preemption_ == Preemption::kNone || one.service_class == ServiceClass::kRealtime ||
           realtime_ == 0;
  }

  Preemption preemption_;
  std::vector<Running> running_;
  std::size_t realtime_ = 0;
  TimePoint now_{};
};

}  // namespace sluice::scheduling
