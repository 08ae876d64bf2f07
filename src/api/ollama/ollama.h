// Ollama's API for every callable that takes prompts or texts to embed: /api/generate, /api/chat,
// /api/embed, /api/tags, /api/ps, /api/show, /api/pull, /api/version.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/generation/generation.h"
#include "api/ollama/answer.h"
#include "gateway/mount.h"
#include "http/router.h"

namespace sluice::api::ollama {

// The release of Ollama whose API this is. Told at /api/version, for clients that refuse to work
// with one that is older than what they need.
inline constexpr std::string_view kApiVersion = "0.12.11";

struct OllamaRules {
  std::string api = "ollama";  // what metrics and the log call it
  Dialect dialect = Dialect::kOllama;
  // Of /api/generate, where neither the header X-Sluice-Class nor the member `priority` says one
  // and no stream is asked for. All else is realtime.
  ServiceClass generate_class = ServiceClass::kRealtime;
  generation::StreamRules streams;
};

// Puts it on a router, for one io thread. What is returned must live as long as the router. The
// mount's target is the model of requests that name none.
//
// Errors are {"error": "..."}; in a stream that has begun, a line of it.
Result<std::shared_ptr<const void>> add_ollama(http::Router& router, const gateway::Mount& mount,
                                               const OllamaRules& rules);

}  // namespace sluice::api::ollama
