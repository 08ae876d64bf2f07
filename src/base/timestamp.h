// Moments as people and protocols write them: RFC 3339.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace sluice {

// In UTC, to the millisecond: 2025-11-13T15:00:00.123Z.
void append_timestamp(std::string& out, WallTime at);
// With any offset and up to nine digits of a second; a leap second is the second before it.
std::optional<WallTime> parse_timestamp(std::string_view text);

}  // namespace sluice
