#include "scheduling/testing_witness.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/format.h"

namespace sluice::scheduling::testing {

namespace {
constexpr auto kHigh = ServiceClass::kRealtime;
constexpr auto kLow = ServiceClass::kBestEffort;
constexpr double kTiny = 1e-3;

ErrorCode code_of(Refusal refusal) {
  if (refusal == Refusal::kQueueFull) return ErrorCode::kExhausted;
  if (refusal == Refusal::kShed || refusal == Refusal::kHopeless) return ErrorCode::kUnavailable;
  return ErrorCode::kTimeout;
}
}  // namespace

void Witness::violated(const std::string& what) {
  if (!violation_) violation_ = what;
}

std::size_t Witness::waiting(ServiceClass service_class) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      waiting_, [&](const auto& one) { return one.second.service_class == service_class; }));
}
std::size_t Witness::held(ServiceClass service_class) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      held_, [&](const auto& one) { return one.second.service_class == service_class; }));
}
bool Witness::room_for_realtime() const {
  const bool full = options_.preemption == Preemption::kFull;
  return (full || held_.size() < options_.slots) && held(kHigh) < options_.most_of(kHigh);
}

std::vector<TicketId> Witness::known() const {
  std::vector<TicketId> all;
  for (const auto& [ticket, call] : waiting_) all.push_back(ticket);
  for (const auto& [ticket, call] : held_) all.push_back(ticket);
  return all;
}

// Accounts for the time since the last event.
void Witness::begin(TimePoint now, Duration longest) {
  const double passed = now_ == TimePoint{} ? 0 : to_seconds(now - now_);
  const bool full = options_.preemption == Preemption::kFull;
  const double engines = full ? 1 : static_cast<double>(options_.slots);
  const double share = options_.best_effort.share * engines;
  const bool waits = waiting(kLow) > 0;
  const bool there = waits || held(kLow) > 0;
  double got = static_cast<double>(held(kLow));
  if (full) got = held(kLow) > 0 && held(kHigh) == 0 ? 1 : 0;
  const bool entitled = full ? there : waits;
  owed_s_ += (share - got) * passed;
  if (!entitled) owed_s_ = std::min(owed_s_, 0.0);
  owed_s_ = std::max(owed_s_, -share * to_seconds(BestEffortShare::kMemory));
  if (owed_s_ >= to_seconds(BestEffortShare::most_owed(share)) - kTiny) much_owed_ = true;
  if (owed_s_ <= 0) much_owed_ = false;
  // The same, without memory: over every time in which it waited without a break.
  if (entitled) {
    lacking_s_ += (share - got) * passed;
    least_lacking_s_ = std::min(least_lacking_s_, lacking_s_);
    there_s_ += passed;
  } else {
    lacking_s_ = least_lacking_s_ = 0;
  }
  if (full && waiting(kHigh) > 0 && held(kHigh) == 0) held_back_s_ += passed;
  now_ = now;
  longest_ = std::max(longest_, longest);
}

void Witness::arrived(const Arrival& arrival) {
  waiting_[arrival.ticket] = {.service_class = arrival.service_class,
                              .tenant = std::string(arrival.tenant),
                              .deadline = arrival.deadline,
                              .work = arrival.work,
                              .arrived = now_};
  biggest_cost_ = std::max(biggest_cost_, arrival.work);
  mark_waiting_since();
}

void Witness::told(const Actions& actions) {
  for (const Refused& one : actions.refused) refused(one);
  if (!actions.refused.empty()) mark_newcomers();
  for (const Started& one : actions.started) started(one);
  mark_waiting_since();
}

void Witness::refused(const Refused& one) {
  const auto found = waiting_.find(one.ticket);
  if (found == waiting_.end()) return violated("one was refused that does not wait");
  const Call& call = found->second;
  if (one.error.code != code_of(one.refusal)) violated("a refusal has a wrong code");
  if (!one.error.retry_after || one.error.retry_after->count() < 1) {
    violated("a refusal does not say when to come back");
  }
  const ClassOptions& line = options_.of(call.service_class);
  if (one.refusal == Refusal::kQueueFull &&
      waiting(call.service_class) <= options_.depth_of(call.service_class)) {
    violated("a queue that is not full refused a call as full");
  }
  if (one.refusal == Refusal::kHopeless && call.deadline.is_never()) {
    violated("one without a deadline was refused for it");
  }
  if (one.refusal == Refusal::kShed && line.order != Order::kAdaptive) {
    violated("a class that sheds nobody did");
  }
  waiting_.erase(found);
}

void Witness::started(const Started& one) {
  const auto found = waiting_.find(one.ticket);
  if (found == waiting_.end()) return violated("one got a slot that does not wait");
  check_order(one.ticket, found->second);
  if (found->second.service_class == kHigh) work_[found->second.tenant] += found->second.work;
  found->second.started = now_;
  held_.insert(waiting_.extract(found));
  const bool full = options_.preemption == Preemption::kFull;
  if (held(kLow) > options_.most_of(kLow) || held(kHigh) > options_.most_of(kHigh) ||
      (!full && held_.size() > options_.slots)) {
    violated("more run than there are slots");
  }
}

// Was this the one of its class whose turn it was? `call` waits still.
void Witness::check_order(TicketId ticket, const Call& call) {
  const ClassOptions& line = options_.of(call.service_class);
  std::optional<TicketId> oldest;         // of the class
  std::optional<TicketId> tenant_oldest;  // of its tenant
  TicketId tenant_newest = 0;
  for (const auto& [other, waiter] : waiting_) {
    if (waiter.service_class != call.service_class) continue;
    if (!oldest) oldest = other;
    if (line.fair_between_tenants && waiter.tenant != call.tenant) continue;
    if (!tenant_oldest) tenant_oldest = other;
    tenant_newest = other;
  }
  const auto waited = [&](TicketId other) { return now_ - waiting_.at(other).arrived; };
  if (call.service_class == kLow) {
    const bool promoted = waited(*oldest) >= options_.best_effort.promote_after;
    if (promoted && ticket == *oldest) return;
    // Without preemption, one that starts in a slot for which realtime waits got the share.
    const bool for_share =
        options_.preemption == Preemption::kNone && waiting(kHigh) > 0 && room_for_realtime();
    if (for_share && promoted) return violated("the share was not given to the oldest promoted");
    const bool aged = waited(*tenant_oldest) >= options_.best_effort.ageing_after;
    if ((for_share || aged) && ticket != *tenant_oldest) {
      return violated("a younger call went before one that has aged, or got the share");
    }
    if (ticket == *tenant_oldest) return;  // maybe for the share
  }
  const auto since = waiting_since_[static_cast<std::size_t>(call.service_class)];
  const bool long_ago = since && now_ - *since >= line.codel_interval;
  const bool may_be_oldest = line.order != Order::kLifo;
  const bool may_be_newest =
      line.order == Order::kLifo || (line.order == Order::kAdaptive && long_ago);
  if (may_be_oldest && ticket == *tenant_oldest) return;
  if (may_be_newest && ticket == tenant_newest) return;
  violated(
      formatted("{} started out of its class's order: {} is the oldest, {} the newest; {:.3f} s "
                "since nobody waited",
                ticket, *tenant_oldest, tenant_newest, to_seconds(now_ - since.value_or(now_))));
}

void Witness::cancelled(TicketId ticket, bool waited) {
  if (waiting_.contains(ticket) != waited) violated("a cancelled call is not where it was");
  waiting_.erase(ticket);
  mark_waiting_since();
}

void Witness::ended(TicketId ticket, double cost) {
  const auto found = held_.find(ticket);
  if (found == held_.end()) return violated("one ended that held no slot");
  if (found->second.service_class == kHigh) {
    work_[found->second.tenant] += cost - found->second.work;
  }
  biggest_cost_ = std::max(biggest_cost_, cost);
  longest_held_ = std::max(longest_held_, now_ - found->second.started);
  held_.erase(found);
}

void Witness::mark_waiting_since() {
  for (const ServiceClass one : {kHigh, kLow}) {
    for (auto* sinces : {&waiting_since_, &all_since_}) {
      auto& since = (*sinces)[static_cast<std::size_t>(one)];
      if (waiting(one) == 0) {
        since.reset();
      } else if (!since) {
        since = now_;
      }
    }
  }
}

// Where all who waited were turned away, those who come now find the queue empty.
void Witness::mark_newcomers() {
  for (const ServiceClass one : {kHigh, kLow}) {
    const bool all_new = std::ranges::all_of(waiting_, [&](const auto& entry) {
      return entry.second.service_class != one || entry.second.arrived == now_;
    });
    if (all_new) all_since_[static_cast<std::size_t>(one)].reset();
  }
}

void Witness::check(const SlotQueue& queue) {
  for (const ServiceClass one : {kHigh, kLow}) {
    if (queue.waiting(one) != waiting(one)) violated("the queue has lost or kept a waiter");
    if (queue.held(one) != held(one)) violated("the queue has lost or kept a slot");
    if (waiting(one) > options_.depth_of(one)) violated("more wait than may");
  }
  if (queue.held_slots().size() != held_.size()) violated("the list of held slots is not true");
  const bool full = options_.preemption == Preemption::kFull;
  if (waiting(kHigh) > 0 && room_for_realtime()) {
    // It is held back for the share: between two calls, or once much is owed, until all is paid.
    const bool due = full && owed_s_ > -kTiny && held(kLow) > 0 && (held(kHigh) == 0 || much_owed_);
    if (!due) {
      violated(
          formatted("realtime waits beside a slot that it may have: {} of best effort run, "
                    "which is owed {:.6f} s",
                    held(kLow), owed_s_));
    }
  }
  const bool low_room =
      held(kLow) < options_.most_of(kLow) && (full || held_.size() < options_.slots);
  if (waiting(kLow) > 0 && low_room) {
    violated("best effort waits beside a slot that it may have");
  }
  check_waiters();
  check_shares();
  check_fairness();
}

void Witness::check_waiters() {
  for (const auto& [ticket, call] : waiting_) {
    const ClassOptions& line = options_.of(call.service_class);
    const Duration waited = now_ - call.arrived;
    if (call.deadline.passed(now_)) violated("one waits beyond its deadline");
    if (line.queue_timeout > Duration::zero() && waited >= line.queue_timeout) {
      violated("one waits beyond its class's limit");
    }
    const auto since = all_since_[static_cast<std::size_t>(call.service_class)];
    if (line.order == Order::kAdaptive && since &&
        now_ - *since >= std::max(line.codel_interval, 4 * longest_held_) &&
        waited >= std::max(line.codel_target, longest_held_)) {
      violated("one that should have been shed waits on");
    }
  }
}

void Witness::check_shares() {
  const bool full = options_.preemption == Preemption::kFull;
  const double engines = full ? 1 : static_cast<double>(options_.slots);
  const double share = options_.best_effort.share * engines;
  const double longest = to_seconds(longest_);
  double most = share * longest;  // until a slot is given back
  if (full) most = 2 * share * longest + to_seconds(BestEffortShare::most_owed(share));
  if (owed_s_ > most + kTiny) {
    violated(formatted("best effort is owed {:.3f} s of its share", owed_s_));
  }
  const double memory = share * to_seconds(BestEffortShare::kMemory);
  if (lacking_s_ - least_lacking_s_ > most + memory + kTiny) {
    violated("best effort got less than its share while it waited");
  }
  if (full && held_back_s_ > share * there_s_ + to_seconds(BestEffortShare::kQuantum) + kTiny) {
    violated("realtime waited longer for best effort than for its share");
  }
}

// Of two tenants who both waited all the time none got more work than the other, give or take the
// calls that run.
void Witness::check_fairness() {
  if (!options_.realtime.fair_between_tenants) return;
  std::set<std::string> tenants;
  for (const auto& [ticket, call] : waiting_) {
    if (call.service_class == kHigh) tenants.insert(call.tenant);
  }
  std::erase_if(side_by_side_, [&](const auto& one) {
    return !tenants.contains(one.first.first) || !tenants.contains(one.first.second);
  });
  const double most = 4 * static_cast<double>(options_.slots + 1) * biggest_cost_;
  for (const std::string& a : tenants) {
    for (const std::string& b : tenants) {
      if (a >= b) continue;
      const double now = work_[a] - work_[b];
      const auto [known, is_new] = side_by_side_.try_emplace({a, b}, Pair{now});
      if (std::abs(now - known->second.difference) > most) {
        violated("one tenant got more work than another that waited as well");
      }
    }
  }
}

void Witness::check_all_ended(const SlotQueue& queue) {
  if (!waiting_.empty() || !held_.empty()) violated("a call never came to its end");
  if (queue.held(kHigh) + queue.held(kLow) > 0) violated("a slot was lost");
  if (queue.next_timer()) violated("an empty queue waits for something");
}

}  // namespace sluice::scheduling::testing
