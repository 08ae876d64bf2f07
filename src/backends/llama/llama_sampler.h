// What llama_text.cc makes and llama_context.cc uses. Include in these only.
#pragma once

#include <sampling.h>

#include <optional>

#include "backends/llama/ports.h"

namespace sluice::llama {

struct LlamaSampler final : Sampler {
  common_sampler_ptr chain;
  std::optional<std::uint32_t> logprobs;  // likeliest alternatives told
};

}  // namespace sluice::llama
