#include "scheduling/scheduled_callable.h"

#include <utility>

#include "inference/probe.h"
#include "scheduling/scheduled_call.h"

namespace sluice::scheduling {

namespace {
class ScheduledService final : public ScheduledCallable, public Probeable {
 public:
  ScheduledService(CallablePtr inner, Probeable& probeable, std::shared_ptr<Slots> slots,
                   const Clock& clock)
      : ScheduledCallable(std::move(inner), std::move(slots), clock), probeable_(probeable) {}

  CancelHandle probe_health(const Call& call, Sink& sink) override {
    return probeable_.probe_health(call, sink);
  }
  CancelHandle run_self_test(const Call& call, Sink& sink) override {
    return probeable_.run_self_test(call, sink);
  }

 private:
  Probeable& probeable_;  // a side of the inner callable
};
}  // namespace

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

std::shared_ptr<ScheduledCallable> schedule(CallablePtr inner, std::shared_ptr<Slots> slots,
                                            const Clock& clock) {
  if (auto* probeable = dynamic_cast<Probeable*>(inner.get())) {
    return std::make_shared<ScheduledService>(std::move(inner), *probeable, std::move(slots),
                                              clock);
  }
  return std::make_shared<ScheduledCallable>(std::move(inner), std::move(slots), clock);
}

}  // namespace sluice::scheduling
