// How an ONNX model is loaded and run.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace sluice::onnx {

enum class ExecutionProvider : std::uint8_t { kCpu, kCuda };
// How far ONNX Runtime rewrites the graph at load.
enum class GraphOptimization : std::uint8_t { kNone, kBasic, kExtended, kAll };

// Calls that wait for one another to run as one. Off while max_rows is 0.
struct BatchingOptions {
  std::size_t max_rows = 0;  // of one run
  Duration max_wait = std::chrono::microseconds(500);
  std::size_t max_calls_waiting = 1024;  // beyond it a call is refused (kExhausted)

  [[nodiscard]] bool on() const { return max_rows > 0; }
};

// A model file smaller than this runs on one thread unless the options say otherwise: handing parts
// of a tiny run to other threads costs more than it saves.
inline constexpr std::size_t kSmallModelBytes = std::size_t{1} << 20;

struct OnnxOptions {
  // Within one run; 0: one for a file under kSmallModelBytes, else one for each processor.
  std::size_t threads = 0;
  // Rows of the second warm-up run, from which the time of a row is learnt; 0: no warm-up, and the
  // model is never run inline.
  std::size_t warmup_rows = 64;
  ExecutionProvider execution_provider = ExecutionProvider::kCpu;
  GraphOptimization graph_optimization = GraphOptimization::kAll;
  BatchingOptions batching;
};

}  // namespace sluice::onnx
