#pragma once
// A loopback server whose answers, or parts of them, come after a set time.

#include <sys/epoll.h>
#include <sys/prctl.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <deque>
#include <iostream>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "http_text.h"
#include "sample.h"
#include "sockets.h"

namespace bench {

// One thread. All that is to be sent waits equally long, so what is due forms a queue in the order
// in which it was promised. `What` says what that is.
template <class What>
class PacedServer {
 public:
  // A connection, also when its descriptor has been given to another since.
  struct Peer {
    int fd;
    std::uint64_t id;
  };

  virtual ~PacedServer() = default;

  // Prints the port that the kernel gave it, and serves until the process that began it ends.
  [[noreturn]] void run() {
    prctl(PR_SET_TIMERSLACK, 1UL);  // the kernel may otherwise wake 50 us late
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    std::uint16_t port = 0;
    listener_ = listen_on(port);
    watch(listener_);
    std::cout << port << std::endl;
    for (;;) {
      epoll_event events[64];
      timespec wait{};
      const int count = epoll_pwait2(epoll_, events, 64, wait_time(wait), nullptr);
      for (int i = 0; i < count; ++i) {
        const int fd = events[i].data.fd;
        if (fd == listener_) {
          accept_all();
        } else {
          read_from(fd);
        }
      }
      tell_due();
    }
  }

 protected:
  // A whole request came.
  virtual void on_request(Peer peer, std::string_view request) = 0;
  // What was promised to a peer that is still there; `at` is when it should have come.
  virtual void on_due(Peer peer, What what, Clock::time_point at) = 0;

  void promise(Peer peer, What what, Clock::time_point at) {
    due_.push_back({at, peer, std::move(what)});
  }
  // Small answers fit the socket's buffer; a peer that has gone shows at the next read.
  static void reply(Peer peer, std::string_view text) {
    [[maybe_unused]] const ssize_t sent = send(peer.fd, text.data(), text.size(), MSG_NOSIGNAL);
  }

 private:
  struct Due {
    Clock::time_point at;
    Peer peer;
    What what;
  };
  struct Connection {
    std::uint64_t id;
    std::string unread;
  };

  void watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) fail_errno("epoll_ctl");
  }

  timespec* wait_time(timespec& wait) const {
    if (due_.empty()) return nullptr;
    using std::chrono::nanoseconds;
    const auto left = std::max(nanoseconds(0), nanoseconds(due_.front().at - Clock::now()));
    wait.tv_sec = left.count() / 1'000'000'000;
    wait.tv_nsec = left.count() % 1'000'000'000;
    return &wait;
  }

  void accept_all() {
    for (int fd; (fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      set_no_delay(fd);
      connections_[fd] = {++last_id_, {}};
      watch(fd);
    }
  }

  void read_from(int fd) {
    Connection& connection = connections_.at(fd);
    char buffer[65536];
    const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) {
      if (got < 0 && errno == EAGAIN) return;
      connections_.erase(fd);
      close(fd);
      return;
    }
    connection.unread.append(buffer, static_cast<std::size_t>(got));
    while (auto size = message_size(connection.unread)) {
      on_request({fd, connection.id}, std::string_view(connection.unread).substr(0, *size));
      connection.unread.erase(0, *size);
    }
  }

  void tell_due() {
    while (!due_.empty() && due_.front().at <= Clock::now()) {
      Due next = std::move(due_.front());
      due_.pop_front();
      const auto found = connections_.find(next.peer.fd);
      if (found == connections_.end() || found->second.id != next.peer.id) continue;
      on_due(next.peer, std::move(next.what), next.at);
    }
  }

  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  int listener_ = -1;
  std::uint64_t last_id_ = 0;
  std::unordered_map<int, Connection> connections_;
  std::deque<Due> due_;
};

}  // namespace bench
