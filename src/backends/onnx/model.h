// An ONNX model as a callable.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "backends/onnx/session.h"
#include "backends/onnx/warmup.h"
#include "inference/callable.h"
#include "runtime/compute_pool.h"
#include "telemetry/request_metrics.h"

namespace sluice::onnx {

// ONNX Runtime's environment, kept for as long as a session needs it.
using Environment = OrtEnv;

class Batcher;

// One version of one model, loaded. Immutable, shared by the calls under way, so that a successor
// can take its name while they finish.
//
// A short run (placement() says so) happens on the call's home thread within start(). Others
// happen on the pool, together where batching is on: there the deadline and cancel() answer the
// caller at once, and stop the run at its next operator. Realtime and best effort have a pool each,
// and are never batched together. The pools, the clock and the metrics must outlive it.
class OnnxModel final : public Callable, public std::enable_shared_from_this<OnnxModel> {
 public:
  struct Pools {
    ComputePool* realtime = nullptr;
    ComputePool* best_effort = nullptr;  // null: the same

    [[nodiscard]] ComputePool& of(ServiceClass service_class) const {
      const bool other = service_class == ServiceClass::kBestEffort && best_effort != nullptr;
      return other ? *best_effort : *realtime;
    }
  };
  struct Parts {
    std::shared_ptr<const Environment> environment;
    std::string name;
    std::string version;
    std::filesystem::path file;
    Session session;
    std::optional<RunCost> cost;  // none: not known, always pooled
    BatchingOptions batching;
    Pools pools;
    const Clock* clock = nullptr;
    telemetry::ModelMetrics metrics;
  };
  // Where batching is on the model must bear it (can_batch, batch_tensors.h).
  explicit OnnxModel(Parts parts);
  ~OnnxModel() override;

  [[nodiscard]] const Description& describe() const override { return description_; }
  [[nodiscard]] Placement placement(const Request& request) const override;
  CancelHandle start(const Call& call, RequestPtr request, Sink& sink) override;

  // One run on this thread, counted. The inputs are right (check_inputs); `control` and `times` may
  // be null, and whoever has just asked the clock may hand its time on.
  Result<Response> run(std::span<const Tensor> inputs, std::span<const std::string> wanted,
                       RunControl* control, CallTimes* times,
                       std::optional<TimePoint> now = std::nullopt) const;
  [[nodiscard]] const std::filesystem::path& file() const { return parts_.file; }
  [[nodiscard]] const std::optional<RunCost>& cost() const { return parts_.cost; }

 private:
  CancelHandle start_pooled(const Call& call, RequestPtr request, Sink& sink, Duration estimate);
  [[nodiscard]] Placement placement_of(const InferRequest& request) const;

  Parts parts_;
  Description description_;
  std::unique_ptr<Batcher> batcher_;              // null where batching is off
  std::unique_ptr<Batcher> best_effort_batcher_;  // the same
};

}  // namespace sluice::onnx
