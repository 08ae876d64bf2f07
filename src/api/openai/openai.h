// OpenAI's API for every callable that takes prompts or texts to embed: /v1/chat/completions,
// /v1/completions, /v1/embeddings, /v1/models.
#pragma once

#include <memory>

#include "api/generation/generation.h"
#include "gateway/mount.h"
#include "http/router.h"

namespace sluice::api::openai {

// Puts them on a router, for one io thread. What is returned must live as long as the router.
//
// Calls are realtime unless the header X-Sluice-Class or the member `priority` ("high", "low") says
// otherwise. Errors are {"error": {message, type, param, code}}, in a stream that has begun an
// event of that form.
Result<std::shared_ptr<const void>> add_openai(http::Router& router, const gateway::Mount& mount,
                                               const generation::StreamRules& rules = {});

}  // namespace sluice::api::openai
