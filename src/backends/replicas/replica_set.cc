#include "backends/replicas/replica_set.h"

#include <algorithm>

namespace sluice::replicas {

namespace {
// The n-th of those for which `fits` holds.
template <class Fits>
const ReplicaPtr& nth(const Members& members, std::uint64_t n, Fits fits) {
  std::size_t last = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!fits(*members[i])) continue;
    last = i;
    if (n-- == 0) return members[i];
  }
  return members[last];  // another thread put one out meanwhile
}
}  // namespace

ReplicaPtr choose(const Members& members, Random& random, const Replica* except) {
  bool only_in = true;
  const auto fits = [&](const Replica& replica) {
    return &replica != except && (!only_in || replica.is_in());
  };
  const auto count = [&] {
    return static_cast<std::uint64_t>(
        std::ranges::count_if(members, [&](const ReplicaPtr& replica) { return fits(*replica); }));
  };
  std::uint64_t n = count();
  if (n == 0) {
    only_in = false;
    n = count();
    if (n == 0) return nullptr;
  }
  if (n == 1) return nth(members, 0, fits);
  const std::uint64_t a = random.below(n);
  std::uint64_t b = random.below(n - 1);
  if (b >= a) ++b;
  const ReplicaPtr& first = nth(members, a, fits);
  const ReplicaPtr& second = nth(members, b, fits);
  return second->in_flight() < first->in_flight() ? second : first;
}

std::shared_ptr<const Members> ReplicaSet::members() const {
  const std::scoped_lock lock(mutex_);
  return members_;
}

std::size_t ReplicaSet::count_out() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      *members_, [](const ReplicaPtr& replica) { return !replica->is_in(); }));
}

std::size_t ReplicaSet::out() const {
  const std::scoped_lock lock(mutex_);
  return count_out();
}

bool ReplicaSet::all_failing() const {
  const auto all = members();
  return !all->empty() &&
         std::ranges::all_of(*all, [](const ReplicaPtr& replica) { return replica->is_failing(); });
}

void ReplicaSet::update(Members members) {
  const std::scoped_lock lock(mutex_);
  for (ReplicaPtr& fresh : members) {
    const auto old = std::ranges::find(*members_, fresh->name(), &Replica::name);
    if (old != members_->end()) {
      fresh = *old;
    } else if (meter_) {
      fresh->metrics_ = meter_(fresh->name());
    }
  }
  if (members == *members_) return;
  for (const ReplicaPtr& old : *members_) {
    if (!old->is_in() && std::ranges::find(members, old) == members.end()) old->metrics_.readmit();
  }
  members_ = std::make_shared<const Members>(std::move(members));
  // With fewer members, fewer may be out. Who is let in has proved nothing by that.
  std::size_t out = count_out();
  const std::size_t most = most_out(members_->size(), options_.max_share);
  for (const ReplicaPtr& replica : *members_) {
    if (out <= most) break;
    if (replica->is_in()) continue;
    replica->in_.store(true, std::memory_order_relaxed);
    replica->metrics_.readmit();
    --out;
  }
  note_next_probe();
  version_.fetch_add(1, std::memory_order_release);
}

bool ReplicaSet::end(Replica& replica, Outcome outcome, TimePoint now, Took took) {
  replica.in_flight_.fetch_sub(1, std::memory_order_relaxed);
  replica.metrics_.in_flight.subtract();
  if (outcome == Outcome::kSuccess) {
    replica.successes_.fetch_add(1, std::memory_order_relaxed);
    if (replica.is_failing() && replica.is_in()) prove(replica, now);
    return false;
  }
  if (outcome == Outcome::kNeither) return false;
  const std::scoped_lock lock(mutex_);
  std::uint64_t before = replica.successes_.exchange(0, std::memory_order_relaxed);
  if (outcome == Outcome::kTimeout) {
    const bool counts = replica.health_.timeout_counts(before, took.time, took.median, now);
    if (!counts) return false;
    before = 0;
  }
  replica.metrics_.failures.add();
  if (!options_.enabled) return true;
  if (replica.health_.on_failure(before, now, options_)) {
    replica.health_.put_out(now, options_);
    replica.failing_.store(true, std::memory_order_relaxed);
    note_next_probe();
  }
  if (replica.is_failing()) leave_out_if_allowed(replica);
  return true;
}

void ReplicaSet::leave_out_if_allowed(Replica& replica) {
  if (!replica.is_in() || count_out() >= most_out(members_->size(), options_.max_share)) return;
  replica.in_.store(false, std::memory_order_relaxed);
  replica.metrics_.eject();
}

// By the answer to a call that it got though it was failing.
void ReplicaSet::prove(Replica& replica, TimePoint now) {
  const std::scoped_lock lock(mutex_);
  if (!replica.is_failing() || !replica.is_in()) return;
  replica.health_.let_in(now);
  replica.failing_.store(false, std::memory_order_relaxed);
  note_next_probe();
}

void ReplicaSet::note_next_probe() {
  Ticks next = kNever;
  for (const ReplicaPtr& replica : *members_) {
    if (replica->health_.state() != ReplicaHealth::State::kOut) continue;
    next = std::min(next, replica->health_.out_until().time_since_epoch().count());
  }
  next_probe_.store(next, std::memory_order_relaxed);
}

ReplicaPtr ReplicaSet::due_for_probe(TimePoint now) {
  if (now.time_since_epoch().count() < next_probe_.load(std::memory_order_relaxed)) return nullptr;
  const std::scoped_lock lock(mutex_);
  for (const ReplicaPtr& replica : *members_) {
    if (!replica->health_.probe_due(now)) continue;
    replica->health_.on_probe_started();
    note_next_probe();
    return replica;
  }
  note_next_probe();
  return nullptr;
}

void ReplicaSet::probe_ended(Replica& replica, bool success, TimePoint now) {
  const std::scoped_lock lock(mutex_);
  replica.health_.on_probe_ended(success, now, options_);
  replica.successes_.store(0, std::memory_order_relaxed);
  if (replica.health_.state() == ReplicaHealth::State::kIn) {
    replica.failing_.store(false, std::memory_order_relaxed);
    if (!replica.in_.exchange(true, std::memory_order_relaxed)) replica.metrics_.readmit();
  }
  note_next_probe();
}

}  // namespace sluice::replicas
