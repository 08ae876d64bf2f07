// What stands for a text without giving it away.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

using Sha256 = std::array<std::uint8_t, 32>;

// Of all the bytes (FIPS 180-4).
Sha256 sha256(std::string_view bytes);
// In lower-case hexadecimal.
std::string hex(const Sha256& digest);

}  // namespace sluice
