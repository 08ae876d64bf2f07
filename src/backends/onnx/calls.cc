#include "backends/onnx/calls.h"

#include <algorithm>
#include <chrono>
#include <format>

namespace sluice::onnx {

namespace {

Error expired(const OnnxModel& model, std::string_view where) {
  return timed_out(std::format("the deadline passed while '{}' {}", model.describe().name, where));
}

// How long the queue takes to come down by what waits in it now.
std::chrono::milliseconds wait_of(const ComputePool& pool, Duration estimate) {
  const auto each = std::max<Duration>(estimate, std::chrono::milliseconds(1));
  const auto turns = static_cast<std::int64_t>(pool.waiting() / pool.threads() + 1);
  return std::min(std::chrono::ceil<std::chrono::milliseconds>(each * turns),
                  std::chrono::milliseconds(60'000));
}

}  // namespace

CancelHandle PooledCall::start(std::shared_ptr<const OnnxModel> model, const Call& call,
                               RequestPtr request, Sink& sink, ComputePool& pool,
                               const Clock& clock, Duration estimate) {
  auto pooled =
      std::make_shared<PooledCall>(std::move(model), call, std::move(request), sink, clock);
  Task task = [pooled] { pooled->run(); };
  if (!pool.submit(task)) {
    sink.on_result(fail(Error{
        ErrorCode::kExhausted,
        std::format("too many calls wait to run: '{}' is refused", pooled->model_->describe().name),
        wait_of(pool, estimate)}));
    return {};
  }
  if (!call.deadline.is_never()) {
    pooled->timer_ = call.home->run_at(call.deadline.at(), [pooled] { pooled->expire(); });
  }
  return CancelHandle(std::move(pooled));
}

PooledCall::PooledCall(std::shared_ptr<const OnnxModel> model, const Call& call, RequestPtr request,
                       Sink& sink, const Clock& clock)
    : model_(std::move(model)),
      request_(std::move(request)),
      clock_(clock),
      home_(*call.home),
      deadline_(call.deadline),
      times_(call.times),
      sink_(&sink),
      queued_(clock.now()) {}

void PooledCall::run() {
  if (stopped_.load(std::memory_order_relaxed)) return;  // answered, or about to be
  if (deadline_.passed(clock_.now())) {
    home_.post([self = shared_from_this()] { self->expire(); });
    return;
  }
  const auto& infer = std::get<InferRequest>(*request_);
  auto result = model_->run(infer.inputs, infer.outputs, &control_, &run_times_);
  home_.post([self = shared_from_this(), result = std::move(result)]() mutable {
    if (self->times_ != nullptr && self->sink_ != nullptr) {
      self->times_->started = self->run_times_.started;
      self->times_->ran = self->run_times_.ran;
    }
    self->answer(std::move(result));
  });
}

void PooledCall::expire() {
  if (sink_ == nullptr) return;
  stopped_.store(true, std::memory_order_relaxed);
  control_.terminate();
  answer(fail(expired(*model_, "waited or ran")));
}

void PooledCall::cancel() {
  if (sink_ == nullptr) return;
  stopped_.store(true, std::memory_order_relaxed);
  control_.terminate();
  // Not from within cancel(): its caller may be in the middle of something.
  home_.post([self = shared_from_this()] {
    self->answer(fail(
        cancelled(std::format("the call of '{}' was stopped", self->model_->describe().name))));
  });
}

void PooledCall::answer(Result<Response> result) {
  if (sink_ == nullptr) return;
  home_.cancel(timer_);
  if (times_ != nullptr) times_->queued = queued_;
  std::exchange(sink_, nullptr)->on_result(std::move(result));
}

}  // namespace sluice::onnx
