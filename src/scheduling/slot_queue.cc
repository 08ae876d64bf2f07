#include "scheduling/slot_queue.h"

#include <algorithm>
#include <utility>

namespace sluice::scheduling {

std::string_view to_string(Refusal refusal) {
  switch (refusal) {
    case Refusal::kQueueFull:
      return "queue_full";
    case Refusal::kShed:
      return "shed";
    case Refusal::kHopeless:
      return "hopeless";
    case Refusal::kQueueTimeout:
      return "queue_timeout";
    case Refusal::kDeadline:
      break;
  }
  return "deadline";
}

SlotQueue::SlotQueue(const SlotOptions& options, std::string callable, const SlotPolicy& policy)
    : options_(options),
      callable_(std::move(callable)),
      policy_(policy),
      realtime_(options_, ServiceClass::kRealtime, callable_, policy),
      best_effort_(options_, ServiceClass::kBestEffort, callable_, policy),
      share_(options_) {}

EngineUse SlotQueue::use() const {
  return {.realtime_held = realtime_held_,
          .best_effort_held = best_effort_held_,
          .best_effort_waits = !best_effort_.empty()};
}

Occupancy SlotQueue::occupancy(bool share_due) const {
  return {.preemption = options_.preemption,
          .slots = options_.slots,
          .best_effort_slots = options_.most_of(ServiceClass::kBestEffort),
          .realtime_slots = options_.most_of(ServiceClass::kRealtime),
          .realtime_held = realtime_held_,
          .best_effort_held = best_effort_held_,
          .realtime_waits = !realtime_.empty(),
          .best_effort_waits = !best_effort_.empty(),
          .share_due = share_due};
}

void SlotQueue::begin(TimePoint now, Actions& out) {
  share_.advance(now, use());
  realtime_.sweep(now, out);
  best_effort_.sweep(now, out);
}

void SlotQueue::hand_out(TimePoint now, Actions& out) {
  while (true) {
    const Turn turn = policy_.next_turn(occupancy(share_.due(use())));
    if (turn == Turn::kNobody) return;
    const auto service_class =
        turn == Turn::kRealtime ? ServiceClass::kRealtime : ServiceClass::kBestEffort;
    const Waiter call = queue(service_class).take(turn == Turn::kShare, now);
    held_.push_back({.call = call, .service_class = service_class, .since = now});
    ++held_of(service_class);
    out.started.push_back({call.ticket, service_class, now - call.arrived});
  }
}

void SlotQueue::arrive(const Arrival& arrival, TimePoint now, Actions& out) {
  begin(now, out);
  ClassQueue& line = queue(arrival.service_class);
  // What a sweep has just made room for is not asked: who waits goes first.
  Occupancy with = occupancy(share_.due(use()));
  const bool high = arrival.service_class == ServiceClass::kRealtime;
  (high ? with.realtime_waits : with.best_effort_waits) = true;
  const Turn turn = policy_.next_turn(with);
  const bool its_turn =
      high ? turn == Turn::kRealtime : turn == Turn::kBestEffort || turn == Turn::kShare;
  line.arrive(arrival, line.empty() && its_turn, now, out);
  hand_out(now, out);
}

bool SlotQueue::cancel(TicketId ticket, TimePoint now, Actions& out) {
  begin(now, out);
  const bool waited = realtime_.remove(ticket) || best_effort_.remove(ticket);
  // Who holds realtime back may have been the last of best effort.
  hand_out(now, out);
  return waited;
}

void SlotQueue::finish(TicketId ticket, TimePoint now, std::optional<double> cost, Actions& out) {
  const auto found = std::ranges::find(held_, ticket, [](const Held& h) { return h.call.ticket; });
  if (found == held_.end()) return;
  share_.advance(now, use());
  queue(found->service_class).finished(found->call, now - found->since, cost);
  --held_of(found->service_class);
  held_.erase(found);
  begin(now, out);
  hand_out(now, out);
}

void SlotQueue::poll(TimePoint now, Actions& out) {
  begin(now, out);
  hand_out(now, out);
  for (Held& one : held_) {
    if (one.reported || now - one.since < options_.leak_after) continue;
    one.reported = true;
    out.overdue.push_back({one.call.ticket, one.service_class, now - one.since});
  }
}

std::optional<TimePoint> SlotQueue::next_timer() const {
  TimePoint next = TimePoint::max();
  const auto consider = [&](std::optional<TimePoint> at) {
    if (at) next = std::min(next, *at);
  };
  consider(realtime_.next_sweep());
  consider(best_effort_.next_sweep());
  consider(share_.given_at(use()));
  // In the order of their starts: the first that was not told of is the next.
  const auto untold = std::ranges::find(held_, false, &Held::reported);
  if (untold != held_.end()) consider(untold->since + options_.leak_after);
  return next == TimePoint::max() ? std::nullopt : std::optional(next);
}

std::vector<HeldSlot> SlotQueue::held_slots() const {
  std::vector<HeldSlot> slots;
  slots.reserve(held_.size());
  for (const Held& one : held_) slots.push_back({one.call.ticket, one.service_class, one.since});
  return slots;
}

std::size_t SlotQueue::total_slots() const {
  if (options_.preemption == Preemption::kNone) return options_.slots;
  return options_.slots + options_.most_of(ServiceClass::kBestEffort);
}

}  // namespace sluice::scheduling
