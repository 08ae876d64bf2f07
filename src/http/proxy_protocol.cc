#include "http/proxy_protocol.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <vector>

#include "http/address.h"

namespace sluice::http {

namespace {
constexpr std::string_view kV2{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::string_view kV1 = "PROXY ";
constexpr std::size_t kMaxV1 = 107;

ProxyHeader invalid_header() {
  return {ProxyHeader::Step::kInvalid, 0, {}};
}

ProxyHeader parse_v1(std::string_view bytes) {
  const auto end = bytes.substr(0, kMaxV1).find("\r\n");
  if (end == std::string_view::npos) {
    return bytes.size() >= kMaxV1 ? invalid_header() : ProxyHeader{};
  }
  std::vector<std::string_view> words;
  std::string_view line = bytes.substr(0, end);
  while (true) {
    const auto space = line.find(' ');
    words.push_back(line.substr(0, space));
    if (space == std::string_view::npos) break;
    line.remove_prefix(space + 1);
  }
  ProxyHeader header{ProxyHeader::Step::kDone, end + 2, {}};
  if (words.size() >= 2 && words[1] == "UNKNOWN") return header;
  if (words.size() != 6 || (words[1] != "TCP4" && words[1] != "TCP6") || !parse_ip(words[2])) {
    return invalid_header();
  }
  header.source = words[2];
  return header;
}

ProxyHeader parse_v2(std::string_view bytes) {
  if (bytes.size() < 16) return {};
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const std::size_t length = static_cast<std::size_t>(byte(14)) << 8 | byte(15);
  const unsigned command = byte(12) & 0x0FU;
  if (byte(12) >> 4 != 2 || command > 1 || 16 + length > kMaxProxyHeader) return invalid_header();
  if (bytes.size() < 16 + length) return {};
  ProxyHeader header{ProxyHeader::Step::kDone, 16 + length, {}};
  if (command == 0) return header;  // LOCAL: the balancer's own health check
  const unsigned family = byte(13) >> 4;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (family == 1 && length >= 12) {
    ::inet_ntop(AF_INET, bytes.data() + 16, text.data(), text.size());
  } else if (family == 2 && length >= 36) {
    ::inet_ntop(AF_INET6, bytes.data() + 16, text.data(), text.size());
  } else if (family == 1 || family == 2) {
    return invalid_header();
  }
  header.source = text.data();
  return header;
}
}  // namespace

ProxyHeader parse_proxy_header(std::string_view bytes) {
  const auto could_be = [&](std::string_view magic) {
    const auto n = std::min(bytes.size(), magic.size());
    return bytes.substr(0, n) == magic.substr(0, n);
  };
  if (could_be(kV2)) return bytes.size() < kV2.size() ? ProxyHeader{} : parse_v2(bytes);
  if (could_be(kV1)) return bytes.size() < kV1.size() ? ProxyHeader{} : parse_v1(bytes);
  return invalid_header();
}

}  // namespace sluice::http
