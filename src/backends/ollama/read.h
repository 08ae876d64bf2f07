// Answers in the words of Ollama's API.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "backends/generation_wire/dialect.h"

namespace sluice::ollama {

struct ReadLimits {
  std::size_t line_bytes = 4 * 1024 * 1024;
};

// Of /api/chat and /api/generate: a JSON text a line, the last with `done`; an answer in one text
// is one line. Takes counts and durations that are missing, thoughts beside the text, errors in the
// middle. An answer without its last line was cut off.
std::unique_ptr<generation_wire::AnswerReader> read_generate(const GenerateRequest& request,
                                                             ReadLimits limits);
// Of /api/embed: one vector for each of so many inputs.
std::unique_ptr<generation_wire::AnswerReader> read_embed(std::size_t inputs, ReadLimits limits);

// Of GET /api/tags and /api/ps: is the model among `models`? Without a tag it is "latest".
Result<bool> names_model(std::string_view body, std::string_view model);

}  // namespace sluice::ollama
