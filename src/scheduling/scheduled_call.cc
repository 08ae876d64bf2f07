#include "scheduling/scheduled_call.h"

#include <algorithm>
#include <utility>

#include "base/format.h"
#include "scheduling/call_cost.h"

namespace sluice::scheduling {

namespace {
// What a call that failed is taken for: those that were turned away did no work, and their times
// say nothing of how long calls take.
std::optional<double> cost_of_failure(ErrorCode code, double expected) {
  switch (code) {
    case ErrorCode::kCancelled:
    case ErrorCode::kTimeout:
    case ErrorCode::kInternal:
      return expected;
    default:
      return std::nullopt;
  }
}
}  // namespace

CancelHandle ScheduledCall::start(CallablePtr inner, std::shared_ptr<Slots> slots,
                                  const Clock& clock, const Call& call, RequestPtr request,
                                  Sink& sink) {
  const auto one = std::make_shared<ScheduledCall>(std::move(inner), std::move(slots), clock, call,
                                                   std::move(request), sink);
  const Slots::Taken taken = one->slots_->arrive(one,
                                                 {.service_class = call.service_class,
                                                  .tenant = call.tenant,
                                                  .deadline = call.deadline,
                                                  .work = one->expected_cost_},
                                                 one->ticket_);
  if (const auto* error = std::get_if<Error>(&taken)) {
    one->answer(fail(*error));
  } else if (std::holds_alternative<Slots::HasSlot>(taken)) {
    one->run();
  }
  return one->sink_ == nullptr ? CancelHandle() : CancelHandle(one);
}

ScheduledCall::ScheduledCall(CallablePtr inner, std::shared_ptr<Slots> slots, const Clock& clock,
                             const Call& call, RequestPtr request, Sink& sink)
    : inner_(std::move(inner)),
      slots_(std::move(slots)),
      clock_(clock),
      call_(call),
      stay_(*call.home),
      request_(std::move(request)),
      sink_(&sink),
      times_(call.times),
      expected_cost_(expected_cost(*request_)),
      queued_(clock.now()) {
  call_.times = &inner_times_;
  if (times_ != nullptr) times_->queued = queued_;
}

void ScheduledCall::on_slot() {
  // Not at once, even at home: it would begin within the end of another.
  call_.home->post([self = shared_from_this()] { self->run(); });
}

void ScheduledCall::on_refused(Error error) {
  call_.home->post([self = shared_from_this(), error = std::move(error)]() mutable {
    self->answer(fail(std::move(error)));
  });
}

void ScheduledCall::run() {
  if (cancelled_) return;  // its slot has been given back
  running_ = true;
  started_ = clock_.now();
  if (times_ != nullptr) times_->started = started_;  // before the first part tells of it
  CancelHandle handle = inner_->start(call_, std::move(request_), *this);
  if (sink_ == nullptr) return;
  handle_ = std::move(handle);
  if (cancelled_) handle_.cancel();  // by who got a part while it was starting
}

void ScheduledCall::cancel() {
  if (sink_ == nullptr || std::exchange(cancelled_, true)) return;
  const auto keep = shared_from_this();
  if (running_) return handle_.cancel();
  slots_->give_up(ticket_);
  // Not from within cancel(): its caller may be in the middle of something.
  call_.home->post([self = keep] {
    self->answer(fail(cancelled(
        formatted("the call of '{}' was stopped while it waited", self->inner_->describe().name))));
  });
}

void ScheduledCall::on_part(Part part) {
  if (!cancelled_) sink_->on_part(std::move(part));
}

void ScheduledCall::on_result(Result<Response> result) {
  const auto keep = shared_from_this();
  handle_.release();
  if (!result && result.error().code == ErrorCode::kExhausted && !result.error().retry_after) {
    result.error().retry_after = slots_->retry_after(call_.service_class);
  }
  slots_->finish(ticket_, result ? std::optional(cost_of(*result))
                                 : cost_of_failure(result.error().code, expected_cost_));
  answer(std::move(result));
}

void ScheduledCall::answer(Result<Response> result) {
  if (sink_ == nullptr) return;
  if (times_ != nullptr) {
    *times_ = inner_times_;
    times_->queued = queued_;
    times_->started = std::max(started_, inner_times_.started);
  }
  std::exchange(sink_, nullptr)->on_result(std::move(result));
}

}  // namespace sluice::scheduling
