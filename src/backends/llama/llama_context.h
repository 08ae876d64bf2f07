// Contexts of llama.cpp.
#pragma once

#include <cstdint>
#include <memory>

#include "backends/llama/ports.h"
#include "backends/llama/weights.h"

namespace sluice::llama {

struct ContextOptions {
  std::uint32_t sequences = 1;
  std::uint32_t length = 4096;      // tokens of one sequence
  std::uint32_t step_tokens = 512;  // the most in a step
  std::uint32_t threads = 0;        // 0: one for each usable processor
  // Its threads are nailed to processors, spin while there is work, and sleep when there is none:
  // what a realtime context needs to decode beside best effort at full speed. They are not nailed
  // where best effort is to use what is left over.
  bool pinned = false;
};

// kUnavailable where there is no memory for it.
Result<std::unique_ptr<Context>> open_context(std::shared_ptr<const Weights> weights,
                                              const ContextOptions& options);

}  // namespace sluice::llama
