// One chunk of an answer, or a whole one: the same shape but for a word. In .cc files only.
#pragma once

#include <simdjson.h>

#include <vector>

#include "backends/generation_wire/builder.h"
#include "base/result.h"

namespace sluice::openai {

// Adds what is in it to the answer. kInternal for what is no chunk, or what the engine says.
Result<> take_chunk(const simdjson::dom::element& chunk, generation_wire::AnswerBuilder& answer,
                    std::vector<TextPart>& parts);

}  // namespace sluice::openai
