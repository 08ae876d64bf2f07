// What the requests of this API have in common. Include in .cc files only.
#pragma once

#include "api/generation/fields.h"
#include "api/ollama/request.h"

namespace sluice::api::ollama {

using generation::Fields;

// `options`, with `stop`, `num_predict` and `num_ctx` among them.
void read_options(const Fields& fields, GenerateAsked& asked);
// `format`: "json" or a schema.
Constraint read_format(const Fields& fields);
// `keep_alive`: seconds, or a text as parse_duration() takes it.
std::optional<Duration> read_keep_alive(const Fields& fields);
// The context that `options` count on; of 0 none.
std::optional<std::uint32_t> read_context(const Fields& options);
void refuse_images(const Fields& fields);

}  // namespace sluice::api::ollama
