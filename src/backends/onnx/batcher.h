// Calls of one model that wait for one another and run as one.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "backends/onnx/batch_policy.h"
#include "backends/onnx/batch_tensors.h"
#include "backends/onnx/model.h"

namespace sluice::onnx {

class BatchedCall;
struct BatchRun;

// Owned by its model, which is named in each call because those under way share it. Thread-safe.
// The wait is kept by a timer on the home of the call that began the batch, so it is as fine as
// that executor's timers (a millisecond on an io thread). A batch that fails fails each of its
// calls; one that all have left is stopped.
class Batcher {
 public:
  Batcher(const BatchingOptions& options, ComputePool& pool, const Clock& clock)
      : pool_(pool), clock_(clock), max_rows_(options.max_rows), policy_(options) {}

  [[nodiscard]] bool takes(const BatchShape& shape) const { return shape.rows <= max_rows_; }
  // On the call's home thread; the request has been checked and takes() its shape.
  CancelHandle start(std::shared_ptr<const OnnxModel> model, const Call& call, RequestPtr request,
                     Sink& sink, const BatchShape& shape);
  // The call's answer is no longer wanted.
  void leave(BatchedCall& call);

 private:
  struct Ready {
    std::vector<std::shared_ptr<BatchedCall>> calls;
    std::shared_ptr<BatchRun> run;
  };
  std::vector<Ready> take(const std::vector<BatchPolicy::Batch>& batches);  // mutex_ held
  void run_due(const std::shared_ptr<const OnnxModel>& model);
  void submit(const std::shared_ptr<const OnnxModel>& model, std::vector<Ready> batches);

  ComputePool& pool_;
  const Clock& clock_;
  const std::size_t max_rows_;
  std::mutex mutex_;
  BatchPolicy policy_;                                                         // guarded by mutex_
  std::unordered_map<BatchPolicy::Id, std::shared_ptr<BatchedCall>> waiting_;  // guarded by mutex_
  BatchPolicy::Id last_ = 0;                                                   // guarded by mutex_
};

}  // namespace sluice::onnx
