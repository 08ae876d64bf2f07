// A prompt's way from an exchange to a callable and back, as a whole or as a stream: what is the
// same in every API for language models.
#pragma once

#include <functional>
#include <memory>

#include "api/generation/form.h"
#include "gateway/exchange_call.h"
#include "gateway/mount.h"

namespace sluice::api::generation {

struct StreamRules {
  // After so long without a word a stream says that it is alive, if its form has something to say.
  Duration heartbeat = std::chrono::seconds(10);
  // Bytes kept for a client that does not take them; beyond, its call is cancelled. What the
  // connection itself buffers comes on top.
  std::size_t max_unsent = 1024 * 1024;
};

// Starts the call and answers the exchange in that form; the request's `stream` says how. The head
// of a stream's answer waits for the first part or heartbeat, so that a refusal is still a status.
// When the answer is there, its timings are logged, counted and told in Server-Timing.
void start_generation(http::Exchange& exchange, const gateway::Mount& mount,
                      const CallablePtr& callable, GenerateRequest request,
                      gateway::CallOptions options, std::unique_ptr<Form> form,
                      const StreamRules& rules = {});

// The same for texts to embed, which have no streams: `answer` must answer the exchange.
using Embedded = std::move_only_function<void(http::Exchange&, Result<EmbedResponse>,
                                              const telemetry::GenerationTimings&)>;
void start_embedding(http::Exchange& exchange, const gateway::Mount& mount,
                     const CallablePtr& callable, EmbedRequest request,
                     gateway::CallOptions options, Embedded answer);

}  // namespace sluice::api::generation
