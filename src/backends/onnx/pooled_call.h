// A call that runs alone on the compute pool.
#pragma once

#include <memory>

#include "backends/onnx/model.h"
#include "backends/onnx/pending_call.h"

namespace sluice::onnx {

// One that is stopped while it waits gives its place back and never runs. A run that is stopped
// ends at its next operator; until then it holds the model, the request and its thread of the pool.
class PooledCall final : public PendingCall {
 public:
  // On the home thread; the request has been checked. A full queue answers through the sink.
  static CancelHandle start(std::shared_ptr<const OnnxModel> model, const Call& call,
                            RequestPtr request, Sink& sink, ComputePool& pool, const Clock& clock,
                            Duration estimate);

  PooledCall(std::shared_ptr<const OnnxModel> model, const Call& call, RequestPtr request,
             Sink& sink, ComputePool& pool, const Clock& clock);

 private:
  void run();  // on a thread of the pool
  void stop() override;

  const std::shared_ptr<const OnnxModel> model_;
  ComputePool& pool_;
  const Clock& clock_;
  ComputePool::Place place_;
  RunControl control_;
};

// What a caller is told when the pool's queue is full: by what waits there now, how long it takes
// to come down.
Error queue_full(const std::string& callable, const ComputePool& pool, Duration estimate);

}  // namespace sluice::onnx
