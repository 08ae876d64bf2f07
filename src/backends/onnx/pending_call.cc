#include "backends/onnx/pending_call.h"

#include <utility>

#include "base/format.h"

namespace sluice::onnx {

PendingCall::PendingCall(const Call& call, RequestPtr request, Sink& sink,
                         std::string_view callable, TimePoint queued)
    : request_(std::move(request)),
      home_(*call.home),
      stay_(home_),
      deadline_(call.deadline),
      callable_(callable),
      times_(call.times),
      sink_(&sink),
      queued_(queued) {}

void PendingCall::watch_deadline() {
  if (deadline_.is_never()) return;
  timer_ = home_.run_at(deadline_.at(), [self = shared_from_this()] { self->expire(); });
}

void PendingCall::expire() {
  if (sink_ == nullptr) return;
  stopped_.store(true, std::memory_order_relaxed);
  stop();
  answer(fail(timed_out(formatted("the deadline passed while '{}' waited or ran", callable_))));
}

void PendingCall::cancel() {
  if (sink_ == nullptr) return;
  stopped_.store(true, std::memory_order_relaxed);
  stop();
  // Not from within cancel(): its caller may be in the middle of something.
  home_.post([self = shared_from_this()] {
    self->answer(fail(cancelled(formatted("the call of '{}' was stopped", self->callable_))));
  });
}

void PendingCall::finish(Result<Response> result, CallTimes run) {
  home_.post([self = shared_from_this(), result = std::move(result), run]() mutable {
    if (self->times_ != nullptr && self->sink_ != nullptr) {
      self->times_->started = run.started;
      self->times_->ran = run.ran;
    }
    self->answer(std::move(result));
  });
}

void PendingCall::finish_late() {
  home_.post([self = shared_from_this()] { self->expire(); });
}

void PendingCall::answer(Result<Response> result) {
  if (sink_ == nullptr) return;
  home_.cancel(timer_);
  if (times_ != nullptr) times_->queued = queued_;
  std::exchange(sink_, nullptr)->on_result(std::move(result));
}

}  // namespace sluice::onnx
