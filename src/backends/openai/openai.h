// Language models of engines that speak OpenAI's API (platform.openai.com, "API reference"): vLLM,
// llama.cpp's server and services of that kind.
#pragma once

#include <memory>
#include <string>

#include "backends/generation_wire/wire_model.h"
#include "backends/openai/options.h"

namespace sluice::openai {

// The dialect of a callable of that name.
std::unique_ptr<const generation_wire::Dialect> make_dialect(const std::string& name,
                                                             const OpenAiOptions& options);

// See WireModel::make.
Result<std::shared_ptr<generation_wire::WireModel>> make_model(
    const std::string& name, const OpenAiOptions& options, IoThreads& io, http::Resolver& resolver,
    telemetry::Instruments* instruments = nullptr);

}  // namespace sluice::openai
