#include "http/server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/format.h"
#include "base/random.h"
#include "http/listening_socket.h"
#include "http/loop_server.h"

namespace sluice::http {

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
    // With SO_REUSEPORT the kernel would let two processes share the port unknown to either.
    auto port = free_port(address);
    if (!port) return fail(port.error());
    address.port = *port;
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
    return fail(not_found(formatted("nothing listens on {}", to_string(address))));
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
