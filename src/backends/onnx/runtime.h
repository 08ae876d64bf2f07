// ONNX Runtime in this process.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "backends/onnx/model.h"
#include "backends/onnx/options.h"
#include "telemetry/log.h"

namespace sluice::onnx {

struct ModelSource {
  std::string name;  // of the callable
  std::string version = "1";
  std::filesystem::path file;
};

// What models run with; all of it must outlive them.
struct Services {
  ComputePool& pool;
  const Clock& clock;
  telemetry::Log& log;
  telemetry::Instruments& instruments;
  ComputePool* idle_pool = nullptr;  // for best effort; null: the same pool
};

// Made once by app/ and shared by all models: ONNX Runtime has one environment in a process, and a
// second OnnxRuntime beside a first would speak through the first one's log.
class OnnxRuntime {
 public:
  // The log (component "onnx") gets ONNX Runtime's own warnings and what loading has to say. Throws
  // std::runtime_error where ONNX Runtime cannot be set up.
  explicit OnnxRuntime(Services services);

  // Reads the file, warms up, measures. Takes from milliseconds to minutes: not on an io thread.
  // Any number of threads at once. kNotFound or kInvalid, with the file and the reason.
  [[nodiscard]] Result<std::shared_ptr<OnnxModel>> load(const ModelSource& source,
                                                        const OnnxOptions& options) const;

 private:
  Services services_;
  std::shared_ptr<const Environment> environment_;
};

}  // namespace sluice::onnx
