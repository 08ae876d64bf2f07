// A callable whose calls wait for a slot.
#pragma once

#include <memory>

#include "inference/callable.h"
#include "inference/queue_status.h"
#include "scheduling/slots.h"

namespace sluice::scheduling {

// Puts slots before any callable. A call that finds a slot starts at once, on the thread on which
// it came; one that waits is started at its home when its turn comes. The result gives the slot
// back, whatever it is. A call that is cancelled waits no longer, or its run is told to stop and
// keeps the slot until it has.
//
// The times of a call: queued when it came, started when it began to run, in the queue of the
// callable behind as well. Never inline. Made anew with every configuration; what runs under an
// older one keeps the slots of that. Several callables can share one Slots, where they share an
// engine. Any thread.
class ScheduledCallable final : public Callable, public Queued {
 public:
  ScheduledCallable(CallablePtr inner, std::shared_ptr<Slots> slots, const Clock& clock)
      : inner_(std::move(inner)), slots_(std::move(slots)), clock_(clock) {}

  [[nodiscard]] const Description& describe() const override { return inner_->describe(); }
  [[nodiscard]] Placement placement(const Request& request) const override;
  [[nodiscard]] Result<> ready() const override { return inner_->ready(); }
  [[nodiscard]] Callable* behind() const override { return inner_.get(); }
  CancelHandle start(const Call& call, RequestPtr request, Sink& sink) override;

  [[nodiscard]] QueueStatus queue_status() const override;

  [[nodiscard]] Slots& slots() const { return *slots_; }

 private:
  const CallablePtr inner_;
  const std::shared_ptr<Slots> slots_;
  const Clock& clock_;
};

}  // namespace sluice::scheduling
