// The callables of a configuration, made and kept up to date.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/options.h"
#include "backends/onnx/runtime.h"
#include "gateway/gateway.h"
#include "telemetry/log.h"

namespace sluice::app {

// Loads models and says what becomes of them. Main thread.
class Models {
 public:
  Models(onnx::OnnxRuntime& onnx, telemetry::Log& log) : onnx_(onnx), log_(log) {}

  // Everything that the configuration names. A model that cannot be loaded is there as well, with
  // the reason; the others serve on.
  std::vector<gateway::CallableSpec> make(const Options& options);

 private:
  gateway::ModelSpec make_onnx(const std::string& name, const OnnxModelOptions& options);
  static gateway::EnsembleSpec make_ensemble(const std::string& name,
                                             const EnsembleOptions& options);

  onnx::OnnxRuntime& onnx_;
  telemetry::Log& log_;
};

}  // namespace sluice::app
