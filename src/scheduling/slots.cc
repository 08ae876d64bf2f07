#include "scheduling/slots.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "inference/service_class_name.h"

namespace sluice::scheduling {

namespace {
constexpr ServiceClass kClasses[] = {ServiceClass::kRealtime, ServiceClass::kBestEffort};
}  // namespace

std::shared_ptr<Slots> Slots::make(const SlotOptions& options, std::string callable,
                                   const SlotsParts& parts) {
  return std::make_shared<Slots>(options, std::move(callable), parts);
}

Slots::Slots(const SlotOptions& options, std::string callable, const SlotsParts& parts)
    : callable_(std::move(callable)),
      timers_(parts.timers),
      clock_(parts.clock),
      log_(parts.log),
      queue_(options, callable_) {
  if (parts.metrics == nullptr) return;
  for (const ServiceClass one : kClasses) {
    metrics_[static_cast<std::size_t>(one)] =
        telemetry::slot_metrics(*parts.metrics, callable_, to_string(one));
  }
}

Slots::Taken Slots::arrive(const std::shared_ptr<SlotClaim>& claim, Arrival arrival,
                           TicketId& ticket) {
  Taken fate = Waits();
  Notices notices;
  {
    const std::scoped_lock lock(mutex_);
    ticket = arrival.ticket = ++last_ticket_;
    claims_.emplace(ticket, claim);
    queue_.arrive(arrival, clock_.now(), told_);
    collect(ticket, &fate, notices);
  }
  tell(notices);
  return fate;
}

void Slots::finish(TicketId ticket, std::optional<double> cost) {
  Notices notices;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = claims_.find(ticket);
    if (found == claims_.end()) return;
    claims_.erase(found);
    queue_.finish(ticket, clock_.now(), cost, told_);
    collect(ticket, nullptr, notices);
  }
  tell(notices);
}

void Slots::give_up(TicketId ticket) {
  Notices notices;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = claims_.find(ticket);
    if (found == claims_.end()) return;  // refused already, and on its way to be told
    claims_.erase(found);
    const TimePoint now = clock_.now();
    // It may have got a slot of which it does not know yet: that is given back as well.
    if (!queue_.cancel(ticket, now, told_)) queue_.finish(ticket, now, std::nullopt, told_);
    collect(ticket, nullptr, notices);
  }
  tell(notices);
}

void Slots::collect(TicketId own, Taken* own_fate, Notices& notices) {
  for (Refused& one : told_.refused) {
    metrics(one.service_class).refused[static_cast<std::size_t>(one.refusal)].add();
    const auto found = claims_.find(one.ticket);
    if (found == claims_.end()) continue;
    if (one.ticket == own && own_fate != nullptr) {
      *own_fate = std::move(one.error);
    } else {
      notices.claims.push_back({std::move(found->second), std::move(one.error)});
    }
    claims_.erase(found);
  }
  for (const Started& one : told_.started) {
    metrics(one.service_class).wait.record(one.waited);
    if (one.ticket == own && own_fate != nullptr) {
      *own_fate = HasSlot();
    } else if (const auto found = claims_.find(one.ticket); found != claims_.end()) {
      notices.claims.push_back({found->second, std::nullopt});
    }
  }
  for (const Overdue& one : told_.overdue) {
    metrics(one.service_class).overdue.add();
    const auto found = claims_.find(one.ticket);
    if (found == claims_.end()) continue;
    notices.overlong.push_back({std::string(found->second->holder()), one});
  }
  told_.clear();
  count();
  consider_timer(notices);
}

void Slots::count() {
  for (const ServiceClass one : kClasses) {
    const auto at = static_cast<std::size_t>(one);
    const auto changed = static_cast<std::int64_t>(queue_.waiting(one)) -
                         static_cast<std::int64_t>(counted_[at].waiting);
    if (changed != 0) metrics_[at].waiting.add(changed);
    const auto more =
        static_cast<std::int64_t>(queue_.held(one)) - static_cast<std::int64_t>(counted_[at].held);
    if (more != 0) metrics_[at].held.add(more);
    counted_[at] = {queue_.waiting(one), queue_.held(one)};
  }
}

// A timer that fires too early finds nothing to do and is set anew; one that would fire too late is
// brought forward.
void Slots::consider_timer(Notices& notices) {
  const auto next = queue_.next_timer();
  if (!next || (timer_at_ && *timer_at_ <= *next)) return;
  timer_at_ = next;
  notices.arm = true;
}

void Slots::tell(Notices& notices) {
  for (Notice& one : notices.claims) {
    if (one.refused) {
      one.claim->on_refused(std::move(*one.refused));
    } else {
      one.claim->on_slot();
    }
  }
  for (const Overlong& one : notices.overlong) {
    if (log_ == nullptr) break;
    log_->warn("scheduling", "slot_held_long",
               {{"callable", callable_},
                {"class", to_string(one.what.service_class)},
                {"request_id", one.holder},
                {"held_ms", one.what.held}});
  }
  if (!notices.arm) return;
  if (timers_.is_current()) return set_timer();
  timers_.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->set_timer();
  });
}

// On the timers' thread. The time is looked up, so that two of these may come in any order.
void Slots::set_timer() {
  std::optional<TimePoint> at;
  {
    const std::scoped_lock lock(mutex_);
    at = timer_at_;
  }
  if (!at) return;
  timers_.cancel(timer_);
  timer_ = timers_.run_at(*at, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->on_timer();
  });
}

void Slots::on_timer() {
  Notices notices;
  timer_ = 0;
  {
    const std::scoped_lock lock(mutex_);
    timer_at_.reset();
    queue_.poll(clock_.now(), told_);
    collect(0, nullptr, notices);
  }
  tell(notices);
}

std::chrono::milliseconds Slots::retry_after(ServiceClass service_class) const {
  const std::scoped_lock lock(mutex_);
  return queue_.queue(service_class).retry_after(clock_.now());
}

SlotsSnapshot Slots::snapshot() const {
  SlotsSnapshot shown;
  const std::scoped_lock lock(mutex_);
  const TimePoint now = clock_.now();
  const SlotOptions& options = queue_.options();
  shown.realtime_waiting = queue_.waiting(ServiceClass::kRealtime);
  shown.best_effort_waiting = queue_.waiting(ServiceClass::kBestEffort);
  shown.total_slots = queue_.total_slots();
  for (const HeldSlot& slot : queue_.held_slots()) {
    const auto found = claims_.find(slot.ticket);
    const Duration age = now - slot.since;
    shown.held.push_back(
        {.holder = found == claims_.end() ? "" : std::string(found->second->holder()),
         .service_class = slot.service_class,
         .age = age,
         .overdue = age >= options.leak_after});
  }
  shown.available_slots = shown.total_slots - std::min(shown.total_slots, shown.held.size());
  shown.max_queue_depth = std::max(options.depth_of(ServiceClass::kRealtime),
                                   options.depth_of(ServiceClass::kBestEffort));
  const auto lets_in = [&](ServiceClass service_class, std::size_t waiting) {
    const std::size_t depth = options.depth_of(service_class);
    return waiting < depth ||
           (depth == 0 && queue_.held(service_class) < options.most_of(service_class));
  };
  shown.accepting = lets_in(ServiceClass::kRealtime, shown.realtime_waiting) &&
                    lets_in(ServiceClass::kBestEffort, shown.best_effort_waiting);
  return shown;
}

}  // namespace sluice::scheduling
