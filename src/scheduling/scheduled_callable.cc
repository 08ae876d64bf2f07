#include "scheduling/scheduled_callable.h"

#include <utility>

#include "scheduling/scheduled_call.h"

namespace sluice::scheduling {

Placement ScheduledCallable::placement(const Request& request) const {
  Placement placed = inner_->placement(request);
  if (placed.where == Placement::Where::kInline) placed.where = Placement::Where::kPooled;
  return placed;
}

QueueStatus ScheduledCallable::queue_status() const {
  SlotsSnapshot now = slots_->snapshot();
  QueueStatus status{.realtime_waiting = now.realtime_waiting,
                     .best_effort_waiting = now.best_effort_waiting,
                     .slots = now.total_slots,
                     .held = now.held.size(),
                     .depth = now.max_queue_depth,
                     .accepting = now.accepting};
  for (SlotsSnapshot::Held& held : now.held) {
    status.holders.push_back({std::move(held.holder), held.service_class, held.age, held.overdue});
  }
  return status;
}

CancelHandle ScheduledCallable::start(const Call& call, RequestPtr request, Sink& sink) {
  return ScheduledCall::start(inner_, slots_, clock_, call, std::move(request), sink);
}

}  // namespace sluice::scheduling
