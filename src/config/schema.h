// What a configuration may hold, for machines and for people.
#pragma once

#include <string>
#include <string_view>

#include "config/struct_info.h"

namespace sluice::config {

// A JSON Schema of draft 2020-12, for editors. Where a value may come from outside it allows
// `${..}` as well.
std::string json_schema(const StructInfo& root, std::string_view title);

// The reference in Markdown: a section with a table for each struct, in the order in which they
// are met.
std::string markdown_reference(const StructInfo& root, std::string_view title);

}  // namespace sluice::config
