// A call on its way through the compute pool and back.
#pragma once

#include <atomic>
#include <memory>

#include "backends/onnx/model.h"

namespace sluice::onnx {

// Answers the caller exactly once, on its home thread: with the run's result, or as soon as the
// deadline passes or cancel() is called. The run then ends at its next operator and its result is
// dropped; until then it holds the model, the request and its thread of the pool.
class PooledCall final : public Cancellable, public std::enable_shared_from_this<PooledCall> {
 public:
  // On the home thread; the request has been checked. A full queue answers through the sink.
  static CancelHandle start(std::shared_ptr<const OnnxModel> model, const Call& call,
                            RequestPtr request, Sink& sink, ComputePool& pool, const Clock& clock,
                            Duration estimate);

  PooledCall(std::shared_ptr<const OnnxModel> model, const Call& call, RequestPtr request,
             Sink& sink, const Clock& clock);
  void cancel() override;

 private:
  void run();  // on a thread of the pool
  void expire();
  void answer(Result<Response> result);

  const std::shared_ptr<const OnnxModel> model_;
  const RequestPtr request_;
  const Clock& clock_;
  Executor& home_;
  const Deadline deadline_;
  std::atomic<bool> stopped_ = false;
  RunControl control_;

  // Of the home thread.
  CallTimes* times_;
  Sink* sink_;  // null once answered
  TimerId timer_ = 0;
  TimePoint queued_;

  CallTimes run_times_;  // written by the pool's thread before it posts the result
};

}  // namespace sluice::onnx
