// Durations and byte sizes as people write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace sluice::config {

// "250ms", "1s", "1.5m", "24h", "7d"; units ns, us, ms, s, m, h, d. Zero needs no unit. Not
// negative.
Result<Duration> parse_duration(std::string_view text);
// In the largest unit that is exact; parse_duration reads it back.
std::string format_duration(Duration value);

// "8KiB", "10MiB", "1.5GiB", "512B", "4096"; units of 1024, at most 2^63 - 1 bytes.
Result<std::uint64_t> parse_bytes(std::string_view text);
// In the largest unit that is exact; parse_bytes reads it back.
std::string format_bytes(std::uint64_t value);

}  // namespace sluice::config
