// The slots of one backend, for many threads: a SlotQueue behind a lock, with a clock and a timer.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "runtime/executor.h"
#include "scheduling/slot_queue.h"
#include "telemetry/log.h"
#include "telemetry/slot_metrics.h"

namespace sluice::scheduling {

// Who wants a slot. Told from any thread, without a lock held; at most one of the two, once.
class SlotClaim {
 public:
  virtual ~SlotClaim() = default;
  // It has waited, and holds a slot now: until finish() or give_up().
  virtual void on_slot() = 0;
  // It has waited in vain.
  virtual void on_refused(Error error) = 0;
  // To be shown as the holder. Asked while it waits or holds a slot only.
  [[nodiscard]] virtual std::string_view holder() const = 0;
};

// The slots at one moment, for status pages.
struct SlotsSnapshot {
  struct Held {
    std::string holder;
    ServiceClass service_class = ServiceClass::kRealtime;
    Duration age{};
    bool overdue = false;  // held for so long that it may be lost
  };
  std::size_t realtime_waiting = 0;
  std::size_t best_effort_waiting = 0;
  std::size_t total_slots = 0;
  std::size_t available_slots = 0;
  std::size_t max_queue_depth = 0;  // of the class that may have more waiting
  bool accepting = true;            // whether a call of either class would be let in
  std::vector<Held> held;           // the oldest first
};

// What a Slots is made of.
struct SlotsParts {
  Executor& timers;  // has timers of the queue; any thread's
  const Clock& clock;
  telemetry::Metrics* metrics = nullptr;  // null: nothing is counted
  telemetry::Log* log = nullptr;          // null: nothing is said
};

// Owned by shared pointers: those of its callable and its claims. Everything in `parts` outlives
// it. Any thread.
class Slots : public std::enable_shared_from_this<Slots> {
 public:
  static std::shared_ptr<Slots> make(const SlotOptions& options, std::string callable,
                                     const SlotsParts& parts);
  Slots(const SlotOptions& options, std::string callable, const SlotsParts& parts);

  struct HasSlot {};
  struct Waits {};
  using Taken = std::variant<HasSlot, Waits, Error>;

  // `arrival.ticket` is given by the call and told in `ticket`. Only one that waits is told more.
  Taken arrive(const std::shared_ptr<SlotClaim>& claim, Arrival arrival, TicketId& ticket);
  // Its call is over. What it cost; nothing where it never ran.
  void finish(TicketId ticket, std::optional<double> cost);
  // It wants no slot, and gives back what it has. It is told nothing any more, unless that is on
  // its way already.
  void give_up(TicketId ticket);

  // For one that is turned away behind the slots, by who does not say when to come back.
  [[nodiscard]] std::chrono::milliseconds retry_after(ServiceClass service_class) const;
  [[nodiscard]] SlotsSnapshot snapshot() const;
  [[nodiscard]] const SlotOptions& options() const { return queue_.options(); }

 private:
  // Told when the lock is free again.
  struct Notice {
    std::shared_ptr<SlotClaim> claim;
    std::optional<Error> refused;
  };
  struct Overlong {
    std::string holder;
    Overdue what;
  };
  struct Notices {
    std::vector<Notice> claims;
    std::vector<Overlong> overlong;
    bool arm = false;
  };

  // All three with the lock. `own`: whose fate the caller sees for itself.
  void collect(TicketId own, Taken* own_fate, Notices& notices);
  void consider_timer(Notices& notices);
  void count();
  void tell(Notices& notices);
  void set_timer();
  void on_timer();
  [[nodiscard]] const telemetry::SlotMetrics& metrics(ServiceClass service_class) const {
    return metrics_[static_cast<std::size_t>(service_class)];
  }

  const std::string callable_;
  Executor& timers_;
  const Clock& clock_;
  telemetry::Log* const log_;
  std::array<telemetry::SlotMetrics, 2> metrics_;

  mutable std::mutex mutex_;
  SlotQueue queue_;
  Actions told_;
  std::unordered_map<TicketId, std::shared_ptr<SlotClaim>> claims_;
  TicketId last_ticket_ = 0;
  struct Counted {
    std::size_t waiting = 0;
    std::size_t held = 0;
  };
  std::array<Counted, 2> counted_{};   // by class, in metrics
  std::optional<TimePoint> timer_at_;  // of the timer that is set or about to be

  TimerId timer_ = 0;  // of the timers' thread
};

}  // namespace sluice::scheduling
