// Where a socket connects to: an address and port of IPv4 or IPv6, or the path of a Unix socket.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::http {

// A plain value.
class Address {
 public:
  // "127.0.0.1" or "::1"; none when it is a name.
  static std::optional<Address> parse(const std::string& ip, std::uint16_t port);
  // kInvalid when the path does not fit into a sockaddr_un (107 bytes).
  static Result<Address> unix_socket(std::string_view path);
  static Address from(const sockaddr* data, socklen_t size);

  [[nodiscard]] const sockaddr* data() const {
    return reinterpret_cast<const sockaddr*>(&storage_);
  }
  [[nodiscard]] socklen_t size() const { return size_; }
  [[nodiscard]] int family() const { return storage_.ss_family; }
  [[nodiscard]] Address with_port(std::uint16_t port) const;
  [[nodiscard]] std::string ip() const;  // without the port; the path of a Unix socket
  bool operator==(const Address& other) const;

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

using Addresses = std::vector<Address>;

// "127.0.0.1:80", "[::1]:80", "/run/sluice.sock"
std::string to_string(const Address& address);

}  // namespace sluice::http
