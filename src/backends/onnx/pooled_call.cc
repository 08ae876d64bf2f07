#include "backends/onnx/pooled_call.h"

#include <algorithm>
#include <chrono>

#include "base/format.h"

namespace sluice::onnx {

Error queue_full(const std::string& callable, const ComputePool& pool, Duration estimate) {
  using std::chrono::milliseconds;
  const auto each = std::max<Duration>(estimate, milliseconds(1));
  const auto turns = static_cast<std::int64_t>(pool.waiting() / pool.threads() + 1);
  return {ErrorCode::kExhausted, formatted("too many calls wait to run: '{}' is refused", callable),
          std::min(std::chrono::ceil<milliseconds>(each * turns), milliseconds(60'000))};
}

CancelHandle PooledCall::start(std::shared_ptr<const OnnxModel> model, const Call& call,
                               RequestPtr request, Sink& sink, ComputePool& pool,
                               const Clock& clock, Duration estimate) {
  auto pooled =
      std::make_shared<PooledCall>(std::move(model), call, std::move(request), sink, pool, clock);
  Task task = [pooled] { pooled->run(); };
  if (!pool.submit(task, &pooled->place_)) {
    sink.on_result(fail(queue_full(pooled->model_->describe().name, pool, estimate)));
    return {};
  }
  pooled->watch_deadline();
  return CancelHandle(std::move(pooled));
}

PooledCall::PooledCall(std::shared_ptr<const OnnxModel> model, const Call& call, RequestPtr request,
                       Sink& sink, ComputePool& pool, const Clock& clock)
    : PendingCall(call, std::move(request), sink, model->describe().name, clock.now()),
      model_(std::move(model)),
      pool_(pool),
      clock_(clock) {}

void PooledCall::stop() {
  if (pool_.leave(place_)) {
    forget_request();
  } else {
    control_.terminate();
  }
}

void PooledCall::run() {
  if (stopped()) return;  // answered, or about to be
  if (deadline().passed(clock_.now())) {
    finish_late();
    return;
  }
  CallTimes times;
  auto result = model_->run(infer().inputs, infer().outputs, &control_, &times);
  finish(std::move(result), times);
}

}  // namespace sluice::onnx
