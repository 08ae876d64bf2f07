#include "http/client/connector.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/format.h"

namespace sluice::http {

struct Connector::Attempt final : IoHandler {
  Attempt(Connector& owner, int descriptor, const Address& to)
      : connector(owner), fd(descriptor), address(to) {}
  ~Attempt() override {
    if (fd < 0) return;
    if (watched) connector.loop_.forget(fd, *this);
    ::close(fd);
  }
  void on_io(bool, bool writable) override {
    if (writable) connector.on_writable(*this);
  }

  Connector& connector;
  int fd;
  bool watched = false;
  Address address;
};

Addresses interleave(const Addresses& addresses) {
  Addresses first;
  Addresses second;
  for (const Address& address : addresses) {
    (address.family() == addresses.front().family() ? first : second).push_back(address);
  }
  Addresses all;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) all.push_back(first[i]);
    if (i < second.size()) all.push_back(second[i]);
  }
  return all;
}

Connector::Connector(EventLoop& loop, Addresses addresses, Duration delay, Done done)
    : loop_(loop), addresses_(interleave(addresses)), delay_(delay), done_(std::move(done)) {}

Connector::~Connector() {
  loop_.cancel(timer_);
}

void Connector::note(const Address& address, int error) {
  if (!errors_.empty()) errors_ += ", ";
  errors_ += formatted("{} ({})", std::strerror(error), to_string(address));
}

void Connector::finish(Result<int> result) {
  loop_.cancel(std::exchange(timer_, 0));
  attempts_.clear();
  Done done = std::move(done_);
  done(std::move(result));
}

void Connector::try_next() {
  loop_.cancel(std::exchange(timer_, 0));
  while (next_ < addresses_.size()) {
    if (try_one(addresses_[next_++])) {
      if (next_ < addresses_.size()) {
        timer_ = loop_.run_at(loop_.now() + delay_, [this] {
          timer_ = 0;
          try_next();
        });
      }
      return;
    }
  }
  if (attempts_.empty()) finish(fail(unavailable("cannot connect: " + errors_)));
}

// False when it failed at once. What connected at once is treated like what is under way: the loop
// reports it as writable.
bool Connector::try_one(const Address& address) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    note(address, errno);
    return false;
  }
  auto attempt = std::make_unique<Attempt>(*this, fd, address);
  if (address.family() != AF_UNIX) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (::connect(fd, address.data(), address.size()) != 0 && errno != EINPROGRESS) {
    note(address, errno);
    return false;
  }
  loop_.watch(fd, *attempt);
  attempt->watched = true;
  attempts_.push_back(std::move(attempt));
  return true;
}

void Connector::on_writable(Attempt& attempt) {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(attempt.fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error == 0) {
    loop_.forget(attempt.fd, attempt);
    finish(std::exchange(attempt.fd, -1));
    return;
  }
  note(attempt.address, error);
  std::erase_if(attempts_, [&](const auto& other) { return other.get() == &attempt; });
  try_next();
}

}  // namespace sluice::http
