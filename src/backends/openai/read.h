// Answers in the words of OpenAI's API, and what other engines make of them.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "backends/generation_wire/dialect.h"

namespace sluice::openai {

struct ReadLimits {
  std::size_t event_bytes = 4 * 1024 * 1024;  // of one event; also of an answer in one text
};

// Of chat/completions and completions: server-sent events, or with `stream` false one JSON text.
// Takes chunks without `choices`, with null in its place or usage's, without a last [DONE] if every
// choice has its finish_reason, whole messages in the place of deltas, tool calls without an index,
// `timings` of llama.cpp's server, errors in the middle.
std::unique_ptr<generation_wire::AnswerReader> read_generate(const GenerateRequest& request,
                                                             bool stream, ReadLimits limits);
// Of embeddings: one vector for each of so many inputs, in their order.
std::unique_ptr<generation_wire::AnswerReader> read_embed(std::size_t inputs, ReadLimits limits);

// Of GET models: is the model among `data`?
Result<bool> names_model(std::string_view body, std::string_view model);

}  // namespace sluice::openai
