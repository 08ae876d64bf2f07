// How engines that speak OpenAI's API are reached.
#pragma once

#include <cstdint>
#include <string>

#include "backends/generation_wire/options.h"

namespace sluice::openai {

// Which parameters an engine takes beyond the standard ones.
enum class Extensions : std::uint8_t { kNone, kVllm, kLlamaCpp };

struct OpenAiOptions : generation_wire::WireOptions {
  Extensions extensions = Extensions::kNone;
  std::string path_prefix = "/v1";
  bool max_completion_tokens = false;
};

void describe(config::Choices<Extensions>& c);
void describe(config::Fields<OpenAiOptions>& f);
void validate(const OpenAiOptions& o, config::Problems& p, const config::Node& at);

}  // namespace sluice::openai
