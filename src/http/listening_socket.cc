#include "http/listening_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/format.h"

namespace sluice::http {

namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress to_socket_address(const ListenAddress& address) {
  SocketAddress out;
  if (address.is_unix()) {
    auto* un = reinterpret_cast<sockaddr_un*>(&out.storage);
    un->sun_family = AF_UNIX;
    std::memcpy(un->sun_path, address.unix_path.c_str(), address.unix_path.size() + 1);
    out.size = sizeof(sockaddr_un);
  } else if (address.host.contains(':')) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address.port);
    ::inet_pton(AF_INET6, address.host.c_str(), &v6->sin6_addr);
    out.size = sizeof(sockaddr_in6);
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    ::inet_pton(AF_INET, address.host.c_str(), &v4->sin_addr);
    out.size = sizeof(sockaddr_in);
  }
  return out;
}

std::uint16_t bound_port(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size);
  if (storage.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port);
  }
  return ntohs(reinterpret_cast<sockaddr_in*>(&storage)->sin_port);
}

}  // namespace

Error cannot_listen(const ListenAddress& address, int error) {
  std::string hint;
  if (error == EADDRINUSE) hint = "; another program listens there already";
  if (error == EACCES) hint = "; ports under 1024 need a privilege";
  return unavailable(
      formatted("cannot listen on {}: {}{}", to_string(address), std::strerror(error), hint));
}

Result<int> open_socket(const ListenAddress& address, bool share_port) {
  const SocketAddress where = to_socket_address(address);
  const int fd = ::socket(where.get()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(cannot_listen(address, errno));
  const int one = 1;
  if (!address.is_unix()) {
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (share_port) ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  }
  if (::bind(fd, where.get(), where.size) != 0) {
    const int error = errno;
    ::close(fd);
    return fail(cannot_listen(address, error));
  }
  return fd;
}

void remove_stale_socket(const ListenAddress& address) {
  struct stat info{};
  if (::lstat(address.unix_path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return;
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const SocketAddress where = to_socket_address(address);
  if (fd >= 0 && ::connect(fd, where.get(), where.size) != 0 && errno == ECONNREFUSED) {
    ::unlink(address.unix_path.c_str());
  }
  if (fd >= 0) ::close(fd);
}

Result<std::uint16_t> free_port(const ListenAddress& address) {
  auto probe = open_socket(address, false);
  if (!probe) return fail(probe.error());
  const std::uint16_t port = address.port != 0 ? address.port : bound_port(*probe);
  ::close(*probe);
  return port;
}

Result<> check_free(const ListenAddress& address) {
  if (!address.is_unix()) {
    if (auto port = free_port(address); !port) return fail(port.error());
    return {};
  }
  remove_stale_socket(address);
  struct stat info{};
  if (::lstat(address.unix_path.c_str(), &info) == 0) {
    return fail(cannot_listen(address, EADDRINUSE));
  }
  return {};
}

}  // namespace sluice::http
