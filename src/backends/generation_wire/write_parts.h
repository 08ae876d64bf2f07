// Pieces of requests that dialects write alike.
#pragma once

#include <string_view>
#include <vector>

#include "http/json/writer.h"
#include "inference/generate.h"

namespace sluice::generation_wire {

// Is it one JSON value? What is not must not be put into a body.
bool is_json(std::string_view text);
// Is it a JSON object?
bool is_json_object(std::string_view text);

// "tools": [{type: function, function: {name, description, parameters}}]. The parameters must be
// JSON or empty.
void write_tools(json::Writer& out, const std::vector<ToolDeclaration>& tools);

}  // namespace sluice::generation_wire
