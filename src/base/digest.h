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
// With a key, so that only who has it can make it (RFC 2104, RFC 4231).
Sha256 hmac_sha256(std::string_view key, std::string_view bytes);
// In lower-case hexadecimal.
std::string hex(const Sha256& digest);

}  // namespace sluice
