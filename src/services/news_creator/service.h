// The news creator: summaries of articles by a language model, with Ollama's API beside it.
//
//   POST /api/v1/summarize   {article_id, content, stream?, priority?}
//   POST /api/generate, /api/chat, ..   as Ollama has them, and `priority`
//   GET  /queue/status, /health, /health/deep
#pragma once

#include <memory>
#include <string>

#include "gateway/mount.h"
#include "http/router.h"
#include "services/news_creator/options.h"

namespace sluice::news_creator {

// Puts it on a router, for one io thread. What is returned must live as long as the router. The
// mount's target makes the summaries, and answers prompts that name no model.
//
// Summaries and /api/generate can wait (best effort) unless `priority` is high or a stream is asked
// for; all else is realtime. Statuses: 422 for what is no such request,
// 400 for an article that is too short or a prompt that is too long, 429 {"error": "queue full"}
// with Retry-After, 502 where the engine fails.
Result<std::shared_ptr<const void>> add_service(http::Router& router, const gateway::Mount& mount,
                                                const NewsCreatorOptions& options);

}  // namespace sluice::news_creator
