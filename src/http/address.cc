#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/format.h"
#include "http/headers.h"

namespace sluice::http {

bool ListenAddress::is_loopback() const {
  return is_unix() || host.starts_with("127.") || host == "::1";
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
  if (text.starts_with("unix:")) {
    const auto path = text.substr(5);
    if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
      return fail(invalid(formatted("'{}' has no usable path; write unix:/path/to/socket", text)));
    }
    return ListenAddress{{}, 0, std::string(path)};
  }
  const auto colon = text.rfind(':');
  const auto wrong = [&] {
    return fail(invalid(
        formatted("'{}' is not an address; write 127.0.0.1:8080, [::1]:8080 or unix:/path", text)));
  };
  if (colon == std::string_view::npos) return wrong();
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] =
      std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc() || end != port_text.data() + port_text.size()) return wrong();
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  if (host == "*") host = "0.0.0.0";
  if (!parse_ip(host)) return wrong();
  return ListenAddress{std::string(host), port, {}};
}

std::string to_string(const ListenAddress& address) {
  if (address.is_unix()) return "unix:" + address.unix_path;
  const bool v6 = address.host.contains(':');
  return formatted("{}{}{}:{}", v6 ? "[" : "", address.host, v6 ? "]" : "", address.port);
}

Result<IpBytes> parse_ip(std::string_view text) {
  const std::string ip(text);
  IpBytes bytes{};
  in_addr v4{};
  if (::inet_pton(AF_INET, ip.c_str(), &v4) == 1) {
    bytes[10] = bytes[11] = 0xFF;
    std::memcpy(bytes.data() + 12, &v4, 4);
    return bytes;
  }
  in6_addr v6{};
  if (::inet_pton(AF_INET6, ip.c_str(), &v6) == 1) {
    std::memcpy(bytes.data(), &v6, 16);
    return bytes;
  }
  return fail(invalid(formatted("'{}' is not an IP address", text)));
}

std::string ip_text(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
  } else if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
      ::inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, text.data(), text.size());
    } else {
      ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    }
  } else {
    return "unix";
  }
  return text.data();
}

Result<NetworkList> NetworkList::parse(const std::vector<std::string>& networks) {
  NetworkList list;
  for (const std::string& text : networks) {
    if (text == "unix") {
      list.unix_ = true;
      continue;
    }
    const auto slash = text.find('/');
    const auto base = parse_ip(std::string_view(text).substr(0, slash));
    if (!base) {
      return fail(invalid(formatted("'{}' is not a network; write 10.0.0.0/8, ::1 or unix", text)));
    }
    const bool v4 = !text.contains(':');
    int bits = v4 ? 32 : 128;
    if (slash != std::string::npos) {
      const int most = bits;
      const char* end = text.data() + text.size();
      const auto parsed = std::from_chars(text.data() + slash + 1, end, bits);
      if (parsed.ec != std::errc() || parsed.ptr != end || bits < 0 || bits > most) {
        return fail(invalid(formatted("'{}': the prefix length must be 0 to {}", text, most)));
      }
    }
    list.networks_.push_back({*base, v4 ? bits + 96 : bits});
  }
  return list;
}

bool NetworkList::contains(std::string_view ip) const {
  if (ip == "unix") return unix_;
  const auto bytes = parse_ip(ip);
  if (!bytes) return false;
  return std::ranges::any_of(networks_, [&](const Network& network) {
    int left = network.bits;
    for (std::size_t i = 0; i < 16 && left > 0; ++i, left -= 8) {
      const auto mask = static_cast<std::uint8_t>(left >= 8 ? 0xFF : 0xFF << (8 - left));
      if (((*bytes)[i] & mask) != (network.base[i] & mask)) return false;
    }
    return true;
  });
}

std::string forwarded_peer(std::string_view peer, std::string_view forwarded_for,
                           const NetworkList& trusted) {
  std::string_view best = peer;
  while (trusted.contains(best) && !forwarded_for.empty()) {
    const auto comma = forwarded_for.rfind(',');
    const auto last =
        trim(comma == std::string_view::npos ? forwarded_for : forwarded_for.substr(comma + 1));
    if (!parse_ip(last)) break;  // not an address: what stands left of it is hearsay
    best = last;
    forwarded_for =
        comma == std::string_view::npos ? std::string_view() : forwarded_for.substr(0, comma);
  }
  return std::string(best);
}

}  // namespace sluice::http
