// Logprobs in the form that OpenAI's chat and Ollama share. Include in .cc files only.
#pragma once

#include <vector>

#include "http/json/writer.h"
#include "inference/generate.h"

namespace sluice::api::generation {

// [{"token", "logprob", "bytes", "top_logprobs": [{"token", "logprob", "bytes"}]}]. The bytes are
// true where a token is part of a character only.
void write_logprobs(json::Writer& writer, const std::vector<TokenLogprob>& tokens);

}  // namespace sluice::api::generation
