// One call of a scheduled callable, from its arrival to its result.
#pragma once

#include <memory>
#include <optional>

#include "inference/callable.h"
#include "scheduling/slots.h"

namespace sluice::scheduling {

// Stands between the caller and the callable. Home thread only, but for what Slots tells. Slots
// holds it while it waits or runs, and that is until the callable has reported.
class ScheduledCall final : public Cancellable,
                            public SlotClaim,
                            public Sink,
                            public std::enable_shared_from_this<ScheduledCall> {
 public:
  static CancelHandle start(CallablePtr inner, std::shared_ptr<Slots> slots, const Clock& clock,
                            const Call& call, RequestPtr request, Sink& sink);
  ScheduledCall(CallablePtr inner, std::shared_ptr<Slots> slots, const Clock& clock,
                const Call& call, RequestPtr request, Sink& sink);

  void cancel() override;
  void on_slot() override;
  void on_refused(Error error) override;
  [[nodiscard]] std::string_view holder() const override { return call_.request_id; }
  void on_part(Part part) override;
  void on_result(Result<Response> result) override;

 private:
  void run();
  void answer(Result<Response> result);

  const CallablePtr inner_;
  const std::shared_ptr<Slots> slots_;
  const Clock& clock_;
  Call call_;
  const Executor::Stay stay_;  // a slot can come when the caller has been answered already
  RequestPtr request_;         // until it runs
  Sink* sink_;                 // null once answered
  CallTimes* const times_;     // the caller's, which go with the sink
  CallTimes inner_times_;
  const double expected_cost_;
  const TimePoint queued_;
  TimePoint started_;
  TicketId ticket_ = 0;
  bool running_ = false;
  bool cancelled_ = false;
  CancelHandle handle_;
};

}  // namespace sluice::scheduling
