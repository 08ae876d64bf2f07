#include "http/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <format>

#include "base/random.h"
#include "http/loop_server.h"

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

Error cannot_listen(const ListenAddress& address, int error) {
  std::string hint;
  if (error == EADDRINUSE) hint = "; another program listens there already";
  if (error == EACCES) hint = "; ports under 1024 need a privilege";
  return unavailable(
      std::format("cannot listen on {}: {}{}", to_string(address), std::strerror(error), hint));
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

// A socket file that nobody listens on is left over from a run that was killed.
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

}  // namespace

struct Server::Listener {
  ListenAddress address;
  std::vector<Binding*> bindings;  // one a loop
};

struct Server::Impl {
  IoThreads& threads;
  SharedCounts counts;
  std::vector<std::unique_ptr<LoopServer>> loops;
  std::vector<Listener> listeners;

  explicit Impl(IoThreads& t) : threads(t) {}

  Listener* find(const ListenAddress& address) {
    const auto it = std::ranges::find(listeners, address, &Listener::address);
    return it == listeners.end() ? nullptr : &*it;
  }
  // One descriptor a loop: sockets of their own that share the port, or copies of one.
  Result<std::vector<int>> open(ListenAddress& address);
};

Result<std::vector<int>> Server::Impl::open(ListenAddress& address) {
  std::vector<int> fds;
  const auto give_up = [&](Error error) {
    for (const int fd : fds) ::close(fd);
    return fail(std::move(error));
  };
  if (address.is_unix()) {
    remove_stale_socket(address);
    auto first = open_socket(address, false);
    if (!first) return fail(first.error());
    fds.push_back(*first);
    while (fds.size() < loops.size()) fds.push_back(::dup(*first));
  } else {
    // With SO_REUSEPORT the kernel would let two processes share the port unknown to either: a
    // socket without it tells.
    auto probe = open_socket(address, false);
    if (!probe) return fail(probe.error());
    if (address.port == 0) address.port = bound_port(*probe);
    ::close(*probe);
    while (fds.size() < loops.size()) {
      auto fd = open_socket(address, true);
      if (!fd) return give_up(fd.error());
      fds.push_back(*fd);
    }
  }
  for (const int fd : fds) {
    if (::listen(fd, SOMAXCONN) != 0) return give_up(cannot_listen(address, errno));
  }
  return fds;
}

Server::Server(IoThreads& threads, const ServerLimits& limits, const Clock& clock,
               ServerObserver& observer, std::uint64_t seed)
    : impl_(std::make_unique<Impl>(threads)) {
  Random seeds(seed);
  for (std::size_t i = 0; i < threads.size(); ++i) {
    impl_->loops.push_back(std::make_unique<LoopServer>(threads.loop(i), limits, clock, observer,
                                                        impl_->counts, seeds.next()));
  }
}

Server::~Server() {
  impl_->threads.on_each([this](std::size_t i, EventLoop&) { impl_->loops[i].reset(); });
  for (const Listener& listener : impl_->listeners) {
    if (listener.address.is_unix()) ::unlink(listener.address.unix_path.c_str());
  }
}

Result<ListenAddress> Server::listen(const ListenAddress& address, const SiteMaker& site) {
  ListenAddress bound = address;
  auto fds = impl_->open(bound);
  if (!fds) return fail(fds.error());
  Listener listener{bound, std::vector<Binding*>(impl_->loops.size())};
  impl_->threads.on_each([&](std::size_t i, EventLoop&) {
    listener.bindings[i] = impl_->loops[i]->bind((*fds)[i], site(i), bound.is_unix());
  });
  impl_->listeners.push_back(std::move(listener));
  return bound;
}

Result<> Server::replace(const ListenAddress& address, const SiteMaker& site) {
  Listener* listener = impl_->find(address);
  if (listener == nullptr) {
    return fail(not_found(std::format("nothing listens on {}", to_string(address))));
  }
  impl_->threads.on_each([&](std::size_t i, EventLoop&) {
    impl_->loops[i]->set_site(listener->bindings[i], site(i));
  });
  return {};
}

void Server::close(const ListenAddress& address) {
  Listener* listener = impl_->find(address);
  if (listener == nullptr) return;
  impl_->threads.on_each(
      [&](std::size_t i, EventLoop&) { impl_->loops[i]->unbind(listener->bindings[i]); });
  if (address.is_unix()) ::unlink(address.unix_path.c_str());
  std::erase_if(impl_->listeners, [&](const Listener& l) { return l.address == address; });
}

std::vector<ListenAddress> Server::addresses() const {
  std::vector<ListenAddress> all;
  for (const Listener& listener : impl_->listeners) all.push_back(listener.address);
  return all;
}

void Server::drain() {
  impl_->threads.on_each([&](std::size_t i, EventLoop&) { impl_->loops[i]->drain(); });
  for (const Listener& listener : impl_->listeners) {
    if (listener.address.is_unix()) ::unlink(listener.address.unix_path.c_str());
  }
  impl_->listeners.clear();
}

void Server::abort() {
  impl_->threads.on_each([&](std::size_t i, EventLoop&) { impl_->loops[i]->abort(); });
}

std::int64_t Server::open_connections() const {
  return impl_->counts.connections.load();
}
std::int64_t Server::in_flight() const {
  return impl_->counts.in_flight.load();
}

}  // namespace sluice::http
