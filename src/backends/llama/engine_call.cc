#include "backends/llama/engine_call.h"

#include <utility>

namespace sluice::llama {

EngineCall::EngineCall(const Call& call, RequestPtr request, Sink& sink)
    : home_(*call.home),
      stay_(std::in_place, *call.home),
      deadline_(call.deadline),
      service_class_(call.service_class),
      tenant_(call.tenant),
      request_(std::move(request)),
      sink_(&sink),
      times_(call.times) {}

void EngineCall::begin(std::function<void()> stopped) {
  on_stop_ = std::move(stopped);
  if (deadline_.is_never()) return;
  timer_ = home_.run_at(deadline_.at(), [self = shared_from_this()] {
    self->timer_ = 0;
    self->stop(timed_out("the deadline passed before the answer was whole"));
  });
}

void EngineCall::cancel() {
  stop(cancelled("the caller went away"));
}

void EngineCall::stop(Error why) {
  if (sink_ == nullptr) return;
  const auto self = shared_from_this();
  stopped_.store(true);
  if (on_stop_) on_stop_();
  tell(fail(std::move(why)));
}

void EngineCall::tell(Result<Response> result) {
  Sink* sink = std::exchange(sink_, nullptr);
  if (sink == nullptr) return;
  if (timer_ != 0) home_.cancel(std::exchange(timer_, 0));
  on_stop_ = nullptr;
  sink->on_result(std::move(result));
}

void EngineCall::part(Part part) {
  if (stopped()) return;
  home_.post([self = shared_from_this(), part = std::move(part)]() mutable {
    if (self->sink_ != nullptr) self->sink_->on_part(std::move(part));
  });
}

void EngineCall::end(Result<Response> result, TimePoint first, TimePoint ran) {
  home_.post([self = shared_from_this(), stay = std::move(stay_), result = std::move(result), first,
              ran]() mutable {
    if (self->sink_ != nullptr && self->times_ != nullptr) {
      self->times_->first = first;
      self->times_->ran = ran;
    }
    self->tell(std::move(result));
  });
}

}  // namespace sluice::llama
