#include "http/client/public_address.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace sluice::http {

namespace {

struct Network4 {
  std::uint32_t base;
  int bits;
};
constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d) {
  return a << 24 | b << 16 | c << 8 | d;
}
// Of the registry of special addresses of IPv4, all that are not globally reachable.
constexpr std::array kNotPublic4 = {
    Network4{v4(0, 0, 0, 0), 8},      Network4{v4(10, 0, 0, 0), 8},
    Network4{v4(100, 64, 0, 0), 10},  Network4{v4(127, 0, 0, 0), 8},
    Network4{v4(169, 254, 0, 0), 16}, Network4{v4(172, 16, 0, 0), 12},
    Network4{v4(192, 0, 0, 0), 24},   Network4{v4(192, 0, 2, 0), 24},
    Network4{v4(192, 88, 99, 0), 24}, Network4{v4(192, 168, 0, 0), 16},
    Network4{v4(198, 18, 0, 0), 15},  Network4{v4(198, 51, 100, 0), 24},
    Network4{v4(203, 0, 113, 0), 24}, Network4{v4(224, 0, 0, 0), 4},
    Network4{v4(240, 0, 0, 0), 4},
};

bool is_public4(std::uint32_t address) {
  return std::ranges::none_of(kNotPublic4, [&](const Network4& network) {
    return (address ^ network.base) >> (32 - network.bits) == 0;
  });
}

using Bytes = std::array<std::uint8_t, 16>;

std::uint32_t v4_at(const Bytes& bytes, std::size_t at) {
  return v4(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
}

bool begins(const Bytes& bytes, std::initializer_list<std::uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

bool is_public6(const Bytes& bytes) {
  // ::ffff:0:0/96, IPv4 mapped, and 64:ff9b::/96, NAT64.
  if (begins(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}) ||
      begins(bytes, {0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0})) {
    return is_public4(v4_at(bytes, 12));
  }
  if (begins(bytes, {0x20, 0x02})) return is_public4(v4_at(bytes, 2));  // 6to4
  // Only 2000::/3 is given out; of that 2001::/23 is for protocols (Teredo, ORCHID), 2001:db8::/32
  // and 3fff::/20 for documents.
  if ((bytes[0] & 0xE0U) != 0x20) return false;
  if (begins(bytes, {0x20, 0x01}) && (bytes[2] & 0xFEU) == 0) return false;
  if (begins(bytes, {0x20, 0x01, 0x0D, 0xB8})) return false;
  return !begins(bytes, {0x3F, 0xFF}) || (bytes[2] & 0xF0U) != 0;
}

}  // namespace

bool is_public(const Address& address) {
  if (address.family() == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, address.data(), sizeof(in));
    return is_public4(ntohl(in.sin_addr.s_addr));
  }
  if (address.family() != AF_INET6) return false;
  sockaddr_in6 in{};
  std::memcpy(&in, address.data(), sizeof(in));
  Bytes bytes{};
  std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
  return is_public6(bytes);
}

}  // namespace sluice::http
