#include "backends/generation_wire/pool.h"

#include <algorithm>
#include <numeric>

#include "base/format.h"

namespace sluice::generation_wire {

namespace {
constexpr double kNewest = 0.1;  // what the last call weighs in the mean
constexpr double kUnknownCall = 1e9;
}  // namespace

Result<std::optional<std::size_t>> EnginePool::take(const std::shared_ptr<Waiter>& waiter,
                                                    ServiceClass service_class, std::uint64_t tried,
                                                    TimePoint now) {
  News news;
  {
    const std::scoped_lock lock(mutex_);
    const bool realtime = service_class == ServiceClass::kRealtime;
    const std::size_t before = realtime_.size() + (realtime ? 0 : best_effort_.size());
    const Choice choice = choose(engines_, service_class, tried, now, turn_,
                                 before == 0 ? Busy::kLast : Busy::kPassOver);
    if (choice.kind == Choice::Kind::kNobody) return fail(unavailable("no engine is left to ask"));
    if (choice.kind == Choice::Kind::kEngine) {
      hold_locked(*waiter, choice.engine, service_class, now);
      return choice.engine;
    }
    auto& queue = realtime ? realtime_ : best_effort_;
    if (queue.size() >= max_waiting_) {
      return fail(
          Error{ErrorCode::kExhausted,
                formatted("all engines are busy and {} calls wait for a slot", max_waiting_),
                wait_locked(before)});
    }
    queue.push_back({waiter, waiter.get(), tried});
    news.alarm = next_alarm_locked(now);
  }
  tell(news);
  return std::nullopt;
}

void EnginePool::hold_locked(const Waiter& waiter, std::size_t engine, ServiceClass service_class,
                             TimePoint now) {
  turn_ = engine + 1;
  ++engines_[engine].used;
  if (service_class == ServiceClass::kBestEffort) ++engines_[engine].best_effort;
  held_.push_back({&waiter, engine, service_class, now, std::string(waiter.holder())});
}

// Until everybody who waits before it now, and itself, has had a slot.
std::chrono::milliseconds EnginePool::wait_locked(std::size_t before) const {
  const double slots = std::accumulate(
      engines_.begin(), engines_.end(), 0.0,
      [](double sum, const EngineState& e) { return sum + (e.usable ? e.slots : 0); });
  const double waiting = static_cast<double>(before) + 1;
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

EnginePool::News EnginePool::grant_locked(TimePoint now) {
  News news;
  const auto any_free = [&] {
    return std::ranges::any_of(
        engines_, [&](const EngineState& e) { return e.used < e.slots && e.busy_until <= now; });
  };
  for (auto* queue : {&realtime_, &best_effort_}) {
    const auto service_class =
        queue == &realtime_ ? ServiceClass::kRealtime : ServiceClass::kBestEffort;
    for (auto it = queue->begin(); it != queue->end() && any_free();) {
      const Choice choice = choose(engines_, service_class, it->tried, now, turn_, Busy::kPassOver);
      if (choice.kind != Choice::Kind::kEngine) {
        ++it;
        continue;
      }
      if (auto waiter = it->waiter.lock()) {
        hold_locked(*waiter, choice.engine, service_class, now);
        news.grants.emplace_back(std::move(waiter), choice.engine);
      }
      it = queue->erase(it);
    }
  }
  news.alarm = next_alarm_locked(now);
  return news;
}

// When somebody waits and an engine has slots that nobody is sent to: nothing else would wake them.
std::optional<TimePoint> EnginePool::next_alarm_locked(TimePoint now) {
  if (realtime_.empty() && best_effort_.empty()) return std::nullopt;
  std::optional<TimePoint> next;
  for (const EngineState& engine : engines_) {
    if (engine.used >= engine.slots || engine.busy_until <= now) continue;
    next = std::min(next.value_or(engine.busy_until), engine.busy_until);
  }
  if (!next || (alarm_at_ && *alarm_at_ <= *next)) return std::nullopt;
  alarm_at_ = next;
  return next;
}

void EnginePool::tell(const News& news) const {
  for (const auto& [waiter, engine] : news.grants) waiter->on_slot(engine);
  if (news.alarm && alarm_) alarm_(*news.alarm);
}

void EnginePool::give_back(const Waiter& waiter, Duration took, TimePoint now) {
  News news;
  {
    const std::scoped_lock lock(mutex_);
    const auto held = std::ranges::find(held_, &waiter, &Held::which);
    EngineState& engine = engines_[held->engine];
    --engine.used;
    if (held->service_class == ServiceClass::kBestEffort) --engine.best_effort;
    held_.erase(held);
    if (took > Duration::zero()) {
      const auto ns = static_cast<double>(took.count());
      mean_call_ = mean_call_ > 0 ? mean_call_ + kNewest * (ns - mean_call_) : ns;
    }
    news = grant_locked(now);
  }
  tell(news);
}

void EnginePool::learn(std::size_t engine, TimePoint now,
                       const std::function<void(EngineState&)>& change) {
  News news;
  {
    const std::scoped_lock lock(mutex_);
    const EngineState before = engines_[engine];
    change(engines_[engine]);
    if (engines_[engine] == before) return;  // as after nearly every call
    news = grant_locked(now);
  }
  tell(news);
}

void EnginePool::wake(TimePoint now) {
  News news;
  {
    const std::scoped_lock lock(mutex_);
    if (alarm_at_ && *alarm_at_ <= now) alarm_at_.reset();
    news = grant_locked(now);
  }
  tell(news);
}

std::vector<EngineState> EnginePool::engines() const {
  const std::scoped_lock lock(mutex_);
  return engines_;
}

QueueStatus EnginePool::status(TimePoint now) const {
  const std::scoped_lock lock(mutex_);
  QueueStatus status{.realtime_waiting = realtime_.size(),
                     .best_effort_waiting = best_effort_.size(),
                     .depth = max_waiting_};
  for (const EngineState& engine : engines_) {
    status.slots += engine.slots;
    status.held += engine.used;
  }
  for (const Held& held : held_) {
    // Times of two threads' turns may be out of order.
    const Duration age = std::max(now - held.since, Duration::zero());
    status.holders.push_back({held.holder, held.service_class, age, false});
  }
  status.accepting = realtime_.size() < max_waiting_ || status.held < status.slots;
  return status;
}

std::size_t EnginePool::waiting(ServiceClass service_class) const {
  const std::scoped_lock lock(mutex_);
  return service_class == ServiceClass::kRealtime ? realtime_.size() : best_effort_.size();
}

}  // namespace sluice::generation_wire
