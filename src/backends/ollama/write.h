// Requests in the words of Ollama's API.
#pragma once

#include <string_view>

#include "backends/generation_wire/dialect.h"

namespace sluice::ollama {

// POST /api/chat for messages, /api/generate with `raw` for a prompt; always in a stream. A text
// too long for the context is to be refused, not cut. Where no token is asked for the engine is
// asked to load the model only: it takes a bound of 0 for none. kInvalid for what Ollama has no
// words for: several choices, logit_bias, grammars, ...
Result<generation_wire::WireCall> write_generate(const GenerateRequest& request,
                                                 std::string_view model);
// POST /api/embed.
generation_wire::WireCall write_embed(const EmbedRequest& request, std::string_view model);

}  // namespace sluice::ollama
