// Both ends of a server under test: what it tells, and a client that sends bytes as they are. No
// part of the product.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>

#include "http/server.h"

namespace sluice::http::testing {

// Counts what the server tells, and lets a test wait for it.
class Recorder final : public ServerObserver {
 public:
  void on_answered(const Exchange& exchange, const Site&, int status, std::uint64_t,
                   bool) override {
    note([&] {
      last_status = status;
      ++answered;
      if (exchange.cancelled()) ++cancelled;
    });
  }
  void on_in_flight(int change) override {
    note([&] { in_flight += change; });
  }
  void on_connection(const Site&, int change) override {
    note([&] { open += change; });
  }
  void on_refused(const Site&, std::string_view reason) override {
    note([&] { refused = reason; });
  }
  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(10), condition);
  }

  std::mutex mutex;
  std::condition_variable changed;
  int last_status = 0, answered = 0, cancelled = 0, in_flight = 0, open = 0;
  std::string refused;

 private:
  template <class F>
  void note(F f) {
    {
      const std::scoped_lock lock(mutex);
      f();
    }
    changed.notify_all();
  }
};

class Peer {
 public:
  explicit Peer(const ListenAddress& to) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(to.port);
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Peer() {
    if (fd_ >= 0) ::close(fd_);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  // Until `end` has come, or the server has closed.
  std::string read_until(std::string_view end) {
    while (!got_.contains(end) && more()) {
    }
    return got_;
  }
  std::string read_all() {
    while (more()) {
    }
    return got_;
  }
  void clear() { got_.clear(); }
  void finish() const { ::shutdown(fd_, SHUT_WR); }
  void reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(std::exchange(fd_, -1));
  }

 private:
  bool more() {
    pollfd poll{fd_, POLLIN, 0};
    if (::poll(&poll, 1, 10'000) <= 0) return false;
    std::array<char, 65536> bytes;
    const auto n = ::recv(fd_, bytes.data(), bytes.size(), 0);
    if (n <= 0) return false;
    got_.append(bytes.data(), static_cast<std::size_t>(n));
    return true;
  }
  int fd_;
  std::string got_;
};

}  // namespace sluice::http::testing
