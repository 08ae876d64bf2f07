#include "scheduling/simulator.h"

#include <algorithm>
#include <cmath>
#include <queue>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>

#include "base/format.h"
#include "base/random.h"
#include "scheduling/simulated_engine.h"
#include "scheduling/slot_queue.h"

namespace sluice::scheduling {

namespace {

constexpr TimePoint kBegin{std::chrono::hours(1)};

Duration exponential(Random& random, Duration mean) {
  const double factor = -std::log(1 - random.unit());
  return Duration(static_cast<Duration::rep>(static_cast<double>(mean.count()) * factor));
}

class Simulation {
 public:
  Simulation(const SimulationOptions& options, const SlotOptions& slots)
      : options_(options),
        random_(options.seed),
        queue_(slots, "simulated"),
        engine_(slots.preemption),
        end_(kBegin + options.duration) {
    for (const auto& [name, load] : options.loads) {
      results_.push_back({.load = name, .service_class = load.class_of()});
    }
  }

  Result<std::vector<LoadResult>> run() {
    engine_.advance(kBegin);
    for (std::size_t i = 0; i < results_.size(); ++i) begin_load(i);
    while (step()) {
      if (last_ticket_ > kMaxSimulatedCalls) {
        return fail(invalid(
            formatted("more than {} calls come: make the duration shorter", kMaxSimulatedCalls)));
      }
    }
    for (LoadResult& one : results_) std::ranges::sort(one.waits);
    return std::move(results_);
  }

 private:
  // Somebody asks: one call, or those of a period.
  struct Asking {
    TimePoint at;
    std::uint64_t number = 0;  // keeps the order of those at the same time
    std::size_t load = 0;
    std::size_t left = 0;  // of a period: calls that follow in turn
    bool repeats = false;  // the load's next time follows from this one
    bool operator>(const Asking& other) const {
      return std::tie(at, number) > std::tie(other.at, other.number);
    }
  };
  struct Call {
    std::size_t load = 0;
    std::size_t left = 0;
    TimePoint arrived;
    TimePoint started;
  };

  [[nodiscard]] const SimulatedLoad& load(std::size_t index) const {
    return (options_.loads.begin() + static_cast<std::ptrdiff_t>(index))->second;
  }
  void ask(TimePoint at, std::size_t load, std::size_t left, bool repeats) {
    if (at < end_) asking_.push({at, ++asked_, load, left, repeats});
  }

  void begin_load(std::size_t index) {
    const auto& arrivals = load(index).arrivals;
    if (const auto* periodic = std::get_if<PeriodicArrivals>(&arrivals)) {
      ask(kBegin + periodic->first, index, 0, true);
    } else if (std::holds_alternative<PoissonArrivals>(arrivals)) {
      ask(kBegin + gap(index), index, 0, true);
    } else if (const auto* clients = std::get_if<ClientArrivals>(&arrivals)) {
      // Not all at the same moment.
      for (std::size_t i = 0; i < clients->count; ++i) {
        const Duration later = exponential(random_, clients->think / 2);
        ask(kBegin + later, index, 0, false);
      }
    }
  }
  Duration gap(std::size_t index) {
    const auto& poisson = std::get<PoissonArrivals>(load(index).arrivals);
    const std::chrono::duration<double> mean(1 / poisson.per_second);
    return exponential(random_, std::chrono::duration_cast<Duration>(mean));
  }

  bool step() {
    TimePoint next = TimePoint::max();
    if (!asking_.empty()) next = asking_.top().at;
    const auto ends = engine_.next_end();
    if (ends) next = std::min(next, ends->at);
    if (const auto timer = queue_.next_timer()) next = std::min(next, *timer);
    if (next == TimePoint::max()) return false;
    now_ = std::max(now_, next);
    engine_.advance(now_);
    if (ends && ends->at <= now_) {
      ended(ends->ticket);
    } else if (!asking_.empty() && asking_.top().at <= now_) {
      const Asking one = asking_.top();
      asking_.pop();
      asked(one);
    } else {
      queue_.poll(now_, told_);
    }
    follow();
    return true;
  }

  void asked(const Asking& one) {
    const auto* periodic = std::get_if<PeriodicArrivals>(&load(one.load).arrivals);
    if (!one.repeats) return arrive(one.load, one.left);
    if (periodic == nullptr) {
      ask(now_ + gap(one.load), one.load, 0, true);
      return arrive(one.load, 0);
    }
    ask(now_ + periodic->period, one.load, 0, true);
    if (periodic->in_turn) return arrive(one.load, periodic->calls - 1);
    for (std::size_t i = 0; i < periodic->calls; ++i) {
      arrive(one.load, 0);
      follow();
    }
  }

  void arrive(std::size_t index, std::size_t left) {
    const SimulatedLoad& kind = load(index);
    const TicketId ticket = ++last_ticket_;
    calls_[ticket] = {.load = index, .left = left, .arrived = now_, .started = {}};
    ++results_[index].calls;
    const bool has_deadline = kind.deadline > Duration::zero();
    queue_.arrive({.ticket = ticket,
                   .service_class = kind.class_of(),
                   .tenant = kind.tenant ? *kind.tenant : results_[index].load,
                   .deadline = has_deadline ? Deadline(now_ + kind.deadline) : Deadline(),
                   .work = to_seconds(kind.service)},
                  now_, told_);
  }

  void ended(TicketId ticket) {
    engine_.remove(ticket);
    const Call call = calls_.at(ticket);
    calls_.erase(ticket);
    LoadResult& result = results_[call.load];
    const Duration held = now_ - call.started;
    result.served += held;
    if (now_ - call.arrived <= options_.in_time) ++result.in_time;
    queue_.finish(ticket, now_, to_seconds(held), told_);
    answered(call, Duration::zero());
  }

  // Its caller goes on, after `least` at the earliest.
  void answered(const Call& call, Duration least) {
    const auto& arrivals = load(call.load).arrivals;
    if (const auto* clients = std::get_if<ClientArrivals>(&arrivals)) {
      ask(now_ + std::max(clients->think, least), call.load, 0, false);
    } else if (call.left > 0) {
      ask(now_, call.load, call.left - 1, false);
    }
  }

  void follow() {
    for (const Refused& one : told_.refused) {
      const Call call = calls_.at(one.ticket);
      calls_.erase(one.ticket);
      ++results_[call.load].refused[static_cast<std::size_t>(one.refusal)];
      answered(call, one.error.retry_after.value_or(std::chrono::milliseconds(0)));
    }
    for (const Started& one : told_.started) {
      Call& call = calls_.at(one.ticket);
      call.started = now_;
      results_[call.load].waits.push_back(one.waited);
      const SimulatedLoad& kind = load(call.load);
      const Duration service =
          kind.spread == Spread::kFixed ? kind.service : exponential(random_, kind.service);
      engine_.start(one.ticket, one.service_class, service);
    }
    told_.clear();
  }

  const SimulationOptions& options_;
  Random random_;
  SlotQueue queue_;
  SimulatedEngine engine_;
  const TimePoint end_;
  TimePoint now_ = kBegin;
  std::priority_queue<Asking, std::vector<Asking>, std::greater<>> asking_;
  std::uint64_t asked_ = 0;
  std::unordered_map<TicketId, Call> calls_;
  TicketId last_ticket_ = 0;
  Actions told_;
  std::vector<LoadResult> results_;
};

}  // namespace

std::size_t LoadResult::all_refused() const {
  std::size_t all = 0;
  for (const std::size_t one : refused) all += one;
  return all;
}

Duration LoadResult::mean_wait() const {
  if (waits.empty()) return {};
  double sum = 0;
  for (const Duration wait : waits) sum += static_cast<double>(wait.count());
  return Duration(static_cast<Duration::rep>(sum / static_cast<double>(waits.size())));
}

Duration LoadResult::wait_of(double part) const {
  if (waits.empty()) return {};
  const auto rank = std::ceil(part * static_cast<double>(waits.size()));
  const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  return waits[std::min(index, waits.size() - 1)];
}

double LoadResult::part_in_time() const {
  return calls == 0 ? 0 : static_cast<double>(in_time) / static_cast<double>(calls);
}

LoadResult PolicyResult::all_of(ServiceClass service_class) const {
  LoadResult all{.load = "", .service_class = service_class};
  for (const LoadResult& one : loads) {
    if (one.service_class != service_class) continue;
    all.calls += one.calls;
    all.in_time += one.in_time;
    all.served += one.served;
    for (std::size_t i = 0; i < kRefusalCount; ++i) all.refused[i] += one.refused[i];
    all.waits.insert(all.waits.end(), one.waits.begin(), one.waits.end());
  }
  std::ranges::sort(all.waits);
  return all;
}

Result<PolicyResult> simulate(const SimulationOptions& options, const std::string& policy,
                              const SlotOptions& slots) {
  auto loads = Simulation(options, slots).run();
  if (!loads) return fail(std::move(loads.error()));
  return PolicyResult{policy, std::move(*loads)};
}

Result<std::vector<PolicyResult>> simulate_all(const SimulationOptions& options) {
  std::vector<PolicyResult> all;
  for (const auto& [name, slots] : options.policies) {
    auto one = simulate(options, name, slots);
    if (!one) return fail(std::move(one.error()));
    all.push_back(std::move(*one));
  }
  return all;
}

}  // namespace sluice::scheduling
