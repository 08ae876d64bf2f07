#include "scheduling/class_queue.h"

#include <algorithm>
#include <utility>

#include "base/format.h"
#include "config/units.h"

namespace sluice::scheduling {

ClassQueue::ClassQueue(const SlotOptions& options, ServiceClass service_class,
                       const std::string& callable, const SlotPolicy& policy)
    : slots_(options),
      options_(options.of(service_class)),
      class_(service_class),
      callable_(callable),
      policy_(policy),
      depth_(options.depth_of(service_class)) {}

void ClassQueue::arrive(const Arrival& arrival, bool runs_at_once, TimePoint now, Actions& out) {
  if (arrival.deadline.passed(now)) {
    return refuse(arrival.ticket, Refusal::kDeadline, {}, now, out);
  }
  const std::string_view tenant = options_.fair_between_tenants ? arrival.tenant : "";
  if (!runs_at_once) {
    if (hopeless(arrival.deadline, ahead_of_new(tenant, now), now)) {
      return refuse(arrival.ticket, Refusal::kHopeless, {}, now, out);
    }
    if (waiters_.size() >= depth_ && !make_room(arrival, now, out)) {
      return refuse(arrival.ticket, Refusal::kQueueFull, {}, now, out);
    }
  }
  if (!waiting_since_) waiting_since_ = now;
  waiters_.push_back({.ticket = arrival.ticket,
                      .arrived = now,
                      .deadline = arrival.deadline,
                      .tenant = tenants_.enter(tenant),
                      .work = arrival.work});
}

// In a full queue, the old go for the new where more come than can be served; and who has most
// calls waiting gives a place to who has fewer.
bool ClassQueue::make_room(const Arrival& arrival, TimePoint now, Actions& out) {
  if (waiters_.empty()) return false;
  std::size_t victim = 0;
  Refusal why = Refusal::kShed;
  if (!overloaded(now)) {
    if (!options_.fair_between_tenants) return false;
    why = Refusal::kQueueFull;
    for (std::size_t i = 0; i < waiters_.size(); ++i) {
      // The newest of those who have most.
      if (tenants_.waiting(waiters_[i].tenant) >= tenants_.waiting(waiters_[victim].tenant)) {
        victim = i;
      }
    }
    if (tenants_.waiting(waiters_[victim].tenant) <= tenants_.waiting_of(arrival.tenant) + 1) {
      return false;
    }
  }
  const Waiter out_of_line = waiters_[victim];
  refuse(out_of_line.ticket, why, now - out_of_line.arrived, now, out);
  tenants_.give_up(out_of_line.tenant);
  // Not for a moment is the queue empty: another takes the place.
  waiters_.erase(waiters_.begin() + static_cast<std::ptrdiff_t>(victim));
  return true;
}

Waiter ClassQueue::take(bool for_share, TimePoint now) {
  Choosing how{.now = now, .newest_first = newest_first(now), .share = for_share};
  if (class_ == ServiceClass::kBestEffort) {
    how.ageing_after = slots_.best_effort.ageing_after;
    how.promote_after = slots_.best_effort.promote_after;
  }
  const std::size_t index = policy_.choose(waiters_, tenants_, how);
  const Waiter taken = waiters_[index];
  const bool promoted = for_share && index == 0 && now - taken.arrived >= how.promote_after;
  tenants_.start(taken.tenant, taken.work, !promoted);
  erase(index);
  rate_.started(now, !waiters_.empty());
  return taken;
}

bool ClassQueue::remove(TicketId ticket) {
  const auto found = std::ranges::find(waiters_, ticket, &Waiter::ticket);
  if (found == waiters_.end()) return false;
  tenants_.give_up(found->tenant);
  erase(static_cast<std::size_t>(found - waiters_.begin()));
  after_leaving();
  return true;
}

void ClassQueue::finished(const Waiter& call, Duration held, std::optional<double> cost) {
  tenants_.finish(call.tenant, cost.value_or(0) - call.work);
  if (cost) rate_.served(held);
}

void ClassQueue::sweep(TimePoint now, Actions& out) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < waiters_.size(); ++i) {
    const Waiter& waiter = waiters_[i];
    if (const auto why = refusal_of(waiter, kept, now)) {
      refuse(waiter.ticket, *why, now - waiter.arrived, now, out);
      tenants_.give_up(waiter.tenant);
    } else {
      if (kept != i) waiters_[kept] = waiter;
      ++kept;
    }
  }
  if (kept == waiters_.size()) return;
  waiters_.resize(kept);
  after_leaving();
}

std::optional<Refusal> ClassQueue::refusal_of(const Waiter& waiter, std::size_t ahead,
                                              TimePoint now) const {
  const Duration waited = now - waiter.arrived;
  if (waiter.deadline.passed(now)) return Refusal::kDeadline;
  if (options_.queue_timeout > Duration::zero() && waited >= options_.queue_timeout) {
    return Refusal::kQueueTimeout;
  }
  if (waited >= target() && overloaded(now)) return Refusal::kShed;
  // Where one stands is known only where there is one line.
  const bool one_line = tenants_.tenants_waiting() <= 1 && !newest_first(now);
  if (hopeless(waiter.deadline, one_line ? ahead : 0, now)) return Refusal::kHopeless;
  return std::nullopt;
}

std::optional<TimePoint> ClassQueue::next_sweep() const {
  TimePoint next = TimePoint::max();
  const Duration quick = rate_.quick_service().value_or(Duration::zero());
  for (const Waiter& waiter : waiters_) {
    if (!waiter.deadline.is_never()) next = std::min(next, waiter.deadline.at() - quick);
    if (options_.queue_timeout > Duration::zero()) {
      next = std::min(next, waiter.arrived + options_.queue_timeout);
    }
    if (options_.order == Order::kAdaptive) {
      next = std::min(next, std::max(waiter.arrived + target(), *waiting_since_ + interval()));
    }
  }
  return next == TimePoint::max() ? std::nullopt : std::optional(next);
}

bool ClassQueue::overloaded(TimePoint now) const {
  return options_.order == Order::kAdaptive && waiting_since_ &&
         now - *waiting_since_ >= interval();
}

bool ClassQueue::newest_first(TimePoint now) const {
  return options_.order == Order::kLifo || overloaded(now);
}

// Controlled delay (Maurer, "Fail at Scale", ACM Queue 2015): where nobody has found the queue
// empty for an interval, nobody waits longer than a target. Neither means anything where it is
// shorter than the calls themselves.
Duration ClassQueue::target() const {
  return std::max(options_.codel_target, rate_.mean_service().value_or(Duration::zero()));
}
Duration ClassQueue::interval() const {
  return std::max(options_.codel_interval, 4 * rate_.mean_service().value_or(Duration::zero()));
}

bool ClassQueue::hopeless(Deadline deadline, std::size_t ahead, TimePoint now) const {
  if (deadline.is_never()) return false;
  const auto quick = rate_.quick_service();
  if (!quick) return false;
  // The first in line may be lucky: a slot can be given back at once.
  Duration wait{};
  if (ahead > 0) wait = rate_.wait(ahead - 1, slots_.most_of(class_), now).value_or(wait);
  return deadline.left(now) <= wait + *quick;
}

// How many at least get a slot before one that comes now.
std::size_t ClassQueue::ahead_of_new(std::string_view tenant, TimePoint now) const {
  if (newest_first(now)) return 0;
  const std::size_t tenants = tenants_.tenants_waiting();
  if (tenants <= 1) return tenants_.waiting_of(tenant);
  return std::min(waiters_.size(), tenants_.waiting_of(tenant) * tenants);
}

void ClassQueue::refuse(TicketId ticket, Refusal why, Duration waited, TimePoint now,
                        Actions& out) const {
  const std::string_view name = class_ == ServiceClass::kRealtime ? "realtime" : "best-effort";
  const double seconds = to_seconds(waited);
  Error error;
  switch (why) {
    case Refusal::kQueueFull:
      error = {ErrorCode::kExhausted,
               formatted("queue full: {} {} calls of '{}' wait, which is the most that may",
                         waiters_.size(), name, callable_)};
      break;
    case Refusal::kShed:
      error =
          unavailable(formatted("more {} calls of '{}' come than can be served: this one "
                                "waited {:.3f} s, and newer ones go first",
                                name, callable_, seconds));
      break;
    case Refusal::kHopeless:
      error = unavailable(
          formatted("'{}' could not answer by the deadline: {} {} calls wait, and one takes "
                    "{:.3f} s or more",
                    callable_, waiters_.size(), name,
                    to_seconds(rate_.quick_service().value_or(Duration::zero()))));
      break;
    case Refusal::kQueueTimeout:
      error =
          timed_out(formatted("no slot of '{}' within {}, the longest that a {} call may "
                              "wait",
                              callable_, config::format_duration(options_.queue_timeout), name));
      break;
    case Refusal::kDeadline:
      error = timed_out(
          formatted("the deadline passed while the call waited for a slot of '{}'", callable_));
      break;
  }
  error.retry_after = retry_after(now);
  out.refused.push_back({ticket, class_, why, waited, std::move(error)});
}

std::chrono::milliseconds ClassQueue::retry_after(TimePoint now) const {
  return rate_.retry_after(waiters_.size(), slots_.most_of(class_), now);
}

void ClassQueue::erase(std::size_t index) {
  waiters_.erase(waiters_.begin() + static_cast<std::ptrdiff_t>(index));
  if (waiters_.empty()) waiting_since_.reset();
}

void ClassQueue::after_leaving() {
  if (!waiters_.empty()) return;
  waiting_since_.reset();
  rate_.emptied();
}

}  // namespace sluice::scheduling
