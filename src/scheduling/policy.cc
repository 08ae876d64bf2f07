#include "scheduling/policy.h"

#include <algorithm>

namespace sluice::scheduling {

bool Occupancy::has_room(ServiceClass service_class) const {
  if (preemption == Preemption::kNone && realtime_held + best_effort_held >= slots) return false;
  if (service_class == ServiceClass::kBestEffort) return best_effort_held < best_effort_slots;
  return realtime_held < std::min(slots, realtime_slots);
}

Turn next_turn(const Occupancy& now) {
  const bool low_may = now.best_effort_waits && now.has_room(ServiceClass::kBestEffort);
  const bool high_may = now.realtime_waits && now.has_room(ServiceClass::kRealtime);
  if (now.preemption == Preemption::kFull) {
    // Best effort has slots of its own and costs realtime nothing. Its share is given by holding
    // realtime's next call back, so that what it has in its slots goes on.
    if (low_may) return now.share_due ? Turn::kShare : Turn::kBestEffort;
    return high_may && !now.share_due ? Turn::kRealtime : Turn::kNobody;
  }
  // A slot that is kept for realtime is there whatever best effort does.
  const std::size_t reserved = now.slots - now.best_effort_slots;
  if (high_may && now.realtime_held < reserved) return Turn::kRealtime;
  if (low_may && now.share_due) return Turn::kShare;
  if (high_may) return Turn::kRealtime;
  return low_may ? Turn::kBestEffort : Turn::kNobody;
}

std::size_t choose(std::span<const Waiter> waiters, const TenantShares& tenants,
                   const Choosing& how) {
  const auto waited = [&](const Waiter& one) { return how.now - one.arrived; };
  if (how.share && waited(waiters.front()) >= how.promote_after) return 0;
  std::size_t oldest = 0;
  double least = tenants.counter(waiters.front().tenant);
  if (tenants.tenants_waiting() > 1) {
    for (std::size_t i = 1; i < waiters.size(); ++i) {
      const double got = tenants.counter(waiters[i].tenant);
      if (got < least) {
        least = got;
        oldest = i;
      }
    }
  }
  if (how.share || !how.newest_first || waited(waiters[oldest]) >= how.ageing_after) return oldest;
  std::size_t newest = waiters.size() - 1;
  while (waiters[newest].tenant != waiters[oldest].tenant) --newest;
  return newest;
}

}  // namespace sluice::scheduling
