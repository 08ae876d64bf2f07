// Logprobs as OpenAI's API writes them.
#pragma once

#include <vector>

#include "http/json/writer.h"
#include "inference/generate.h"

namespace sluice::api::openai {

// {"content": [{token, logprob, bytes, top_logprobs}], "refusal": null}, or null without any.
void write_chat_logprobs(json::Writer& writer, const std::vector<TokenLogprob>& tokens);

// {"tokens", "token_logprobs", "top_logprobs", "text_offset"}, or null without any. The offset
// counts characters of the text from its beginning and goes on from one part to the next.
void write_completion_logprobs(json::Writer& writer, const std::vector<TokenLogprob>& tokens,
                               std::size_t& offset);

}  // namespace sluice::api::openai
