// What a job of a language model shows of its answer while that is written.
#pragma once

#include <memory>

#include "inference/generate.h"
#include "jobs/runner.h"

namespace sluice::api::openai {

// Which API's choices it has.
enum class PartialShape : std::uint8_t { kChat, kCompletion };

// {"choices": [{"index", "message": {"role", "content"}}]}, of completions {"index", "text"}, with
// all the text so far. When it becomes too long its beginning is left out, and "skipped" says how
// many characters that are. Progress is known where `request` bounds the tokens.
std::unique_ptr<sluice::jobs::PartialOutput> make_partial_text(PartialShape shape,
                                                               const GenerateRequest& request);

}  // namespace sluice::api::openai
