// How answers of Ollama's API are written.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/generation/form.h"
#include "base/time.h"
#include "inference/callable.h"

namespace sluice::api::ollama {

// What clients are told of what went wrong: the same form in two sets of statuses and words.
enum class Dialect : std::uint8_t {
  kOllama,       // 503 with Ollama's words where the queue is full
  kNewsCreator,  // 429 "queue full", 502 where the engine fails, 422 what is no request
};

// {"error": "..."}. The first is for what is refused before a handler sees it.
void answer_error(http::Exchange& exchange, int status, const Error& error,
                  const http::HeaderList* extra = nullptr);
void answer_error(http::Exchange& exchange, Dialect dialect, const Error& error);
std::string error_json(std::string_view message);

// What stands in every answer to a request.
struct AnswerFacts {
  std::string model;
  Dialect dialect = Dialect::kOllama;
  const Clock* clock = nullptr;  // outlives the form
  std::string_view load_reason;  // where nothing was asked but to "load" or "unload"; else empty
};
std::unique_ptr<generation::Form> make_generate_form(AnswerFacts facts);
std::unique_ptr<generation::Form> make_chat_form(AnswerFacts facts);

std::string embed_json(const EmbedResponse& response, const telemetry::GenerationTimings& timings);
// Of /api/embeddings: the first vector alone.
std::string embeddings_json(const EmbedResponse& response);

// Of /api/tags. `otherwise` stands where a model does not tell when its file was changed.
std::string tags_json(const std::vector<const Callable*>& callables, WallTime otherwise);
// Of /api/ps: those that are loaded. Who does not say so (inference/residency_status.h) is as long
// as it is ready.
std::string running_json(const std::vector<const Callable*>& callables, WallTime now);
std::string show_json(const Description& description, WallTime otherwise);

}  // namespace sluice::api::ollama
