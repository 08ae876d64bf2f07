// Contexts of llama.cpp.
#pragma once

#include <cstdint>
#include <memory>

#include "backends/llama/crowd.h"
#include "backends/llama/options.h"
#include "backends/llama/ports.h"
#include "backends/llama/weights.h"

namespace sluice::llama {

struct ContextOptions {
  std::uint32_t sequences = 1;
  std::uint32_t length = 4096;      // tokens of one sequence
  std::uint32_t step_tokens = 512;  // the most in a step
  std::uint32_t threads = 0;        // 0: one for each usable processor
  ContextRole role = ContextRole::kBoth;
  std::shared_ptr<Crowd> crowd;  // that the role has to do with; ThreadPool says how
};

// kUnavailable where there is no memory for it.
Result<std::unique_ptr<Context>> open_context(std::shared_ptr<const Weights> weights,
                                              const ContextOptions& options);

}  // namespace sluice::llama
