// Ollama's API for every callable that takes prompts or texts to embed: /api/generate, /api/chat,
// /api/embed, /api/tags, /api/ps, /api/show, /api/pull, /api/version.
#pragma once

#include <memory>
#include <string>

#include "api/generation/generation.h"
#include "api/ollama/answer.h"
#include "gateway/mount.h"
#include "http/router.h"

namespace sluice::api::ollama {

struct OllamaRules {
  std::string api = "ollama";  // what metrics and the log call it
  std::string version;         // told at /api/version
  Dialect dialect = Dialect::kOllama;
  // Of calls that say none, by the header X-Sluice-Class or the member `priority`.
  ServiceClass generate_class = ServiceClass::kRealtime;
  ServiceClass chat_class = ServiceClass::kRealtime;
  generation::StreamRules streams;
};

// Puts it on a router, for one io thread. What is returned must live as long as the router. The
// mount's target is the model of requests that name none.
//
// Errors are {"error": "..."}; in a stream that has begun, a line of it.
Result<std::shared_ptr<const void>> add_ollama(http::Router& router, const gateway::Mount& mount,
                                               const OllamaRules& rules);

}  // namespace sluice::api::ollama
