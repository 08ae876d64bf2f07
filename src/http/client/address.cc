#include "http/client/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <cstring>

#include "base/format.h"

namespace sluice::http {

namespace {
template <class T>
T read_as(const sockaddr* data) {
  T value;
  std::memcpy(&value, data, sizeof value);
  return value;
}
template <class T>
Address make(const T& value) {
  return Address::from(reinterpret_cast<const sockaddr*>(&value), sizeof value);
}
}  // namespace

std::optional<Address> Address::parse(const std::string& ip, std::uint16_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  if (::inet_pton(AF_INET, ip.c_str(), &v4.sin_addr) == 1) return make(v4);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  if (::inet_pton(AF_INET6, ip.c_str(), &v6.sin6_addr) == 1) return make(v6);
  return std::nullopt;
}

Result<Address> Address::unix_socket(std::string_view path) {
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof un.sun_path) {
    return fail(invalid(formatted("the path of a Unix socket has 1 to {} bytes, got {}: '{}'",
                                  sizeof un.sun_path - 1, path.size(), path)));
  }
  std::memcpy(un.sun_path, path.data(), path.size());
  return make(un);
}

Address Address::from(const sockaddr* data, socklen_t size) {
  Address made;
  made.size_ = std::min(size, static_cast<socklen_t>(sizeof made.storage_));
  std::memcpy(&made.storage_, data, made.size_);
  return made;
}

Address Address::with_port(std::uint16_t port) const {
  if (family() == AF_INET) {
    auto v4 = read_as<sockaddr_in>(data());
    v4.sin_port = htons(port);
    return make(v4);
  }
  if (family() == AF_INET6) {
    auto v6 = read_as<sockaddr_in6>(data());
    v6.sin6_port = htons(port);
    return make(v6);
  }
  return *this;
}

std::string Address::ip() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (family() == AF_INET) {
    const auto v4 = read_as<sockaddr_in>(data());
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  } else if (family() == AF_INET6) {
    const auto v6 = read_as<sockaddr_in6>(data());
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  } else if (family() == AF_UNIX) {
    return read_as<sockaddr_un>(data()).sun_path;
  }
  return text.data();
}

bool Address::operator==(const Address& other) const {
  return size_ == other.size_ && std::memcmp(&storage_, &other.storage_, size_) == 0;
}

std::string to_string(const Address& address) {
  if (address.family() == AF_INET) {
    return formatted("{}:{}", address.ip(), ntohs(read_as<sockaddr_in>(address.data()).sin_port));
  }
  if (address.family() == AF_INET6) {
    return formatted("[{}]:{}", address.ip(),
                     ntohs(read_as<sockaddr_in6>(address.data()).sin6_port));
  }
  return address.ip();
}

}  // namespace sluice::http
