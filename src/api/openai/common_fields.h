// What the requests of this API have in common. Include in .cc files only.
#pragma once

#include "api/generation/fields.h"
#include "api/openai/request.h"

namespace sluice::api::openai {

using generation::Fields;

// Everything but what is asked (messages or prompt), tools and logprobs.
void read_common(const Fields& fields, GenerateAsked& asked);
// As generation::read_priority(); a number, as vLLM has it, says nothing.
std::optional<ServiceClass> priority_of(const Fields& fields);
// The texts of `content`: a string, or a list of parts of which only texts are served.
std::string read_content(const Fields& message);

}  // namespace sluice::api::openai
