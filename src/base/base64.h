// Base64 (RFC 4648, section 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice {

// With padding.
void append_base64(std::string& out, std::string_view bytes);
// Strict: nothing for a character of another alphabet, blanks, or bits that belong to no byte. The
// padding may be left out as a whole.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace sluice
