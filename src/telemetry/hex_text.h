// Short texts of a fixed length that need no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sluice::telemetry {

// N characters, readable as a string_view for as long as it lives.
template <std::size_t N>
struct FixedText {
  std::array<char, N> chars{};
  [[nodiscard]] std::string_view view() const { return {chars.data(), N}; }
  operator std::string_view() const { return view(); }  // NOLINT(google-explicit-constructor)
};

inline constexpr std::string_view kHexDigits = "0123456789abcdef";

// Writes 16 lower-case digits.
inline void write_hex(char* to, std::uint64_t value) {
  for (int i = 15; i >= 0; --i) {
    to[i] = kHexDigits[value & 0xF];
    value >>= 4;
  }
}

}  // namespace sluice::telemetry
