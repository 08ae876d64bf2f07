// Where a server is, as it is written in a configuration or told by a Sentinel.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::redis {

inline constexpr std::uint16_t kServerPort = 6379;
inline constexpr std::uint16_t kSentinelPort = 26379;

// A plain value.
struct Endpoint {
  std::string host;  // a name or an address without brackets; empty for a Unix socket
  std::uint16_t port = 0;
  std::string socket_path;

  bool operator==(const Endpoint&) const = default;
};

// "redis:6379", "10.0.0.5", "[::1]:6379", "::1", "unix:/run/redis.sock". kInvalid with the text and
// what would be right.
Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port);
std::string to_string(const Endpoint& endpoint);

}  // namespace sluice::redis
