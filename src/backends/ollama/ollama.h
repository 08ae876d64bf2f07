// Language models of engines that speak Ollama's API (its docs/api.md).
#pragma once

#include <memory>
#include <string>

#include "backends/generation_wire/wire_model.h"
#include "backends/ollama/options.h"

namespace sluice::ollama {

// The dialect of a callable of that name.
std::unique_ptr<const generation_wire::Dialect> make_dialect(const std::string& name,
                                                             const OllamaOptions& options);

// See WireModel::make.
Result<std::shared_ptr<generation_wire::WireModel>> make_model(
    const std::string& name, const OllamaOptions& options, IoThreads& io, http::Resolver& resolver,
    telemetry::Instruments* instruments = nullptr);

}  // namespace sluice::ollama
