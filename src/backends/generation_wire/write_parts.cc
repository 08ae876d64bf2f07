#include "backends/generation_wire/write_parts.h"

#include "http/json/reader.h"

namespace sluice::generation_wire {

bool is_json(std::string_view text) {
  json::Reader reader;
  return reader.parse_copy(text).has_value();
}

bool is_json_object(std::string_view text) {
  json::Reader reader;
  const auto root = reader.parse_copy(text);
  return root && root->is_object();
}

void write_tools(json::Writer& out, const std::vector<ToolDeclaration>& tools) {
  out.key("tools").begin_array();
  for (const ToolDeclaration& tool : tools) {
    out.begin_object().field("type", "function").key("function").begin_object();
    out.field("name", tool.name);
    if (!tool.description.empty()) out.field("description", tool.description);
    if (!tool.parameters.empty()) out.key("parameters").raw(tool.parameters);
    out.end_object().end_object();
  }
  out.end_array();
}

}  // namespace sluice::generation_wire
