// Requests in the words of OpenAI's API.
#pragma once

#include <string>
#include <string_view>

#include "backends/generation_wire/dialect.h"
#include "backends/openai/options.h"

namespace sluice::openai {

// POST chat/completions for messages, completions for a prompt; always with stream and usage.
// kInvalid for a parameter that the engine does not take, or JSON that is none. The path has no
// prefix: "/chat/completions".
Result<generation_wire::WireCall> write_generate(const GenerateRequest& request,
                                                 std::string_view model,
                                                 const OpenAiOptions& options);
// POST embeddings.
generation_wire::WireCall write_embed(const EmbedRequest& request, std::string_view model,
                                      const OpenAiOptions& options);

}  // namespace sluice::openai
