// Addresses to listen on, and networks to believe.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct sockaddr;

namespace sluice::http {

// "127.0.0.1:8080", "[::1]:8080", "unix:/run/sluice.sock".
struct ListenAddress {
  std::string host;  // an IP address; empty for a Unix socket
  std::uint16_t port = 0;
  std::string unix_path;

  [[nodiscard]] bool is_unix() const { return !unix_path.empty(); }
  [[nodiscard]] bool is_loopback() const;  // or a Unix socket
  bool operator==(const ListenAddress&) const = default;
};
Result<ListenAddress> parse_listen_address(std::string_view text);
std::string to_string(const ListenAddress& address);

// An IPv4 or IPv6 address as 16 bytes, IPv4 mapped (RFC 4291 2.5.5.2).
using IpBytes = std::array<std::uint8_t, 16>;
Result<IpBytes> parse_ip(std::string_view text);
std::string ip_text(const sockaddr* address);  // "unix" for a Unix socket

// Networks in CIDR notation; "unix" stands for callers over a Unix socket.
class NetworkList {
 public:
  static Result<NetworkList> parse(const std::vector<std::string>& networks);
  [[nodiscard]] bool contains(std::string_view ip) const;
  [[nodiscard]] bool empty() const { return networks_.empty() && !unix_; }

 private:
  struct Network {
    IpBytes base;
    int bits;  // of 128
  };
  std::vector<Network> networks_;
  bool unix_ = false;
};

// The caller behind trusted proxies: the rightmost address of X-Forwarded-For that is not one of
// them. `peer` when the list does not help.
std::string forwarded_peer(std::string_view peer, std::string_view forwarded_for,
                           const NetworkList& trusted);

}  // namespace sluice::http
