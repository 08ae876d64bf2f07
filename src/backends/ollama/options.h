// How engines that speak Ollama's API are reached.
#pragma once

#include "backends/generation_wire/options.h"

namespace sluice::ollama {

struct OllamaOptions : generation_wire::WireOptions {};

void describe(config::Fields<OllamaOptions>& f);
void validate(const OllamaOptions& o, config::Problems& p, const config::Node& at);

}  // namespace sluice::ollama
