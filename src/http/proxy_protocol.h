// The PROXY protocol, versions 1 and 2 (HAProxy, doc/proxy-protocol.txt): who is behind a balancer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::http {

// No header is longer: v1 has at most 107 bytes; of v2 we take what fits here.
inline constexpr std::size_t kMaxProxyHeader = 536;

struct ProxyHeader {
  enum class Step : std::uint8_t { kNeedMore, kDone, kInvalid };
  Step step = Step::kNeedMore;
  std::size_t size = 0;  // bytes to take off when kDone
  std::string source;    // the caller's address; empty for LOCAL and UNKNOWN
};

// Reads a header off the beginning of a connection.
ProxyHeader parse_proxy_header(std::string_view bytes);

}  // namespace sluice::http
