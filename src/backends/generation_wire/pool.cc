#include "backends/generation_wire/pool.h"

#include <algorithm>
#include <format>
#include <numeric>

namespace sluice::generation_wire {

namespace {
constexpr double kNewest = 0.1;  // what the last call weighs in the mean
constexpr double kUnknownCall = 1e9;
}  // namespace

Result<std::optional<std::size_t>> EnginePool::take(const std::shared_ptr<Waiter>& waiter,
                                                    ServiceClass service_class, std::uint64_t tried,
                                                    TimePoint now) {
  const std::scoped_lock lock(mutex_);
  const Choice choice = choose(engines_, service_class, tried, now, turn_);
  if (choice.kind == Choice::Kind::kNobody) return fail(unavailable("no engine is left to ask"));
  if (choice.kind == Choice::Kind::kEngine) {
    turn_ = choice.engine + 1;
    ++engines_[choice.engine].used;
    return choice.engine;
  }
  if (realtime_.size() + best_effort_.size() >= max_waiting_) {
    return fail(
        Error{ErrorCode::kExhausted,
              std::format("all engines are busy and {} calls wait for a slot", max_waiting_),
              wait_locked()});
  }
  auto& queue = service_class == ServiceClass::kRealtime ? realtime_ : best_effort_;
  queue.push_back({waiter, waiter.get(), tried});
  return std::nullopt;
}

// Until everybody who waits now has had a slot.
std::chrono::milliseconds EnginePool::wait_locked() const {
  const double slots = std::accumulate(
      engines_.begin(), engines_.end(), 0.0,
      [](double sum, const EngineState& e) { return sum + (e.usable ? e.slots : 0); });
  const double waiting = static_cast<double>(realtime_.size() + best_effort_.size()) + 1;
  const double mean = mean_call_ > 0 ? mean_call_ : kUnknownCall;
  const double ms = mean * waiting / std::max(slots, 1.0) / 1e6;
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::clamp(ms, 1.0, 3.6e6)));
}

void EnginePool::leave(const Waiter& waiter) {
  const std::scoped_lock lock(mutex_);
  for (auto* queue : {&realtime_, &best_effort_}) {
    std::erase_if(*queue, [&](const Entry& entry) { return entry.which == &waiter; });
  }
}

EnginePool::Grants EnginePool::grant_locked(TimePoint now) {
  Grants grants;
  for (auto* queue : {&realtime_, &best_effort_}) {
    const auto service_class =
        queue == &realtime_ ? ServiceClass::kRealtime : ServiceClass::kBestEffort;
    for (auto it = queue->begin(); it != queue->end();) {
      const Choice choice = choose(engines_, service_class, it->tried, now, turn_);
      if (choice.kind != Choice::Kind::kEngine) {
        ++it;
        continue;
      }
      if (auto waiter = it->waiter.lock()) {
        turn_ = choice.engine + 1;
        ++engines_[choice.engine].used;
        grants.emplace_back(std::move(waiter), choice.engine);
      }
      it = queue->erase(it);
    }
  }
  return grants;
}

void EnginePool::tell(const Grants& grants) {
  for (const auto& [waiter, engine] : grants) waiter->on_slot(engine);
}

void EnginePool::give_back(std::size_t engine, Duration took, TimePoint now) {
  Grants grants;
  {
    const std::scoped_lock lock(mutex_);
    --engines_[engine].used;
    if (took > Duration::zero()) {
      const auto ns = static_cast<double>(took.count());
      mean_call_ = mean_call_ > 0 ? mean_call_ + kNewest * (ns - mean_call_) : ns;
    }
    grants = grant_locked(now);
  }
  tell(grants);
}

void EnginePool::learn(std::size_t engine, TimePoint now,
                       const std::function<void(EngineState&)>& change) {
  Grants grants;
  {
    const std::scoped_lock lock(mutex_);
    change(engines_[engine]);
    grants = grant_locked(now);
  }
  tell(grants);
}

std::vector<EngineState> EnginePool::engines() const {
  const std::scoped_lock lock(mutex_);
  return engines_;
}

std::size_t EnginePool::waiting() const {
  const std::scoped_lock lock(mutex_);
  return realtime_.size() + best_effort_.size();
}

}  // namespace sluice::generation_wire
