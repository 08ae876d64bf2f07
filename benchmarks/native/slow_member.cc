// A classifier behind HTTP that answers {"prediction":[P,Q]} after a set time, for the rows with
// remote members.
//
//   slow_member --delay_ms 20 --prediction 0.99,0.01 [--silent 1]
//
// Prints the port that the kernel gave it. With --silent 1 it takes requests and never answers: a
// member that hangs. GET /health is answered at once.

#include <sys/epoll.h>
#include <sys/prctl.h>

#include <csignal>
#include <cstdint>
#include <deque>
#include <iostream>
#include <string>
#include <unordered_map>

#include "flags.h"
#include "http_text.h"
#include "sample.h"
#include "sockets.h"

namespace {

using std::chrono::nanoseconds;

std::string json_answer(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

// One thread. Every answer waits equally long, so those due form a queue in the order of their
// requests.
class Member {
 public:
  Member(nanoseconds delay, bool silent, const std::string& prediction)
      : delay_(delay),
        silent_(silent),
        answer_(json_answer("{\"prediction\":[" + prediction + "]}")) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    listener_ = bench::listen_on(port_);
    watch(listener_);
  }

  std::uint16_t port() const { return port_; }

  void run() {
    for (;;) {
      epoll_event events[64];
      timespec wait{};
      timespec* until = wait_time(wait);
      int count = epoll_pwait2(epoll_, events, 64, until, nullptr);
      for (int i = 0; i < count; ++i) {
        int fd = events[i].data.fd;
        if (fd == listener_) {
          accept_all();
        } else {
          read_from(fd);
        }
      }
      answer_due();
    }
  }

 private:
  struct Due {
    bench::Clock::time_point at;
    int fd;
    std::uint64_t connection;
  };
  struct Connection {
    std::uint64_t id;
    std::string unread;
  };

  void watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) bench::fail_errno("epoll_ctl");
  }

  timespec* wait_time(timespec& wait) const {
    if (due_.empty()) return nullptr;
    auto left = std::max(nanoseconds(0), nanoseconds(due_.front().at - bench::Clock::now()));
    wait.tv_sec = left.count() / 1'000'000'000;
    wait.tv_nsec = left.count() % 1'000'000'000;
    return &wait;
  }

  void accept_all() {
    for (int fd; (fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      bench::set_no_delay(fd);
      connections_[fd] = {++last_id_, {}};
      watch(fd);
    }
  }

  void read_from(int fd) {
    Connection& connection = connections_.at(fd);
    char buffer[16384];
    ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) {
      if (got < 0 && errno == EAGAIN) return;
      connections_.erase(fd);
      close(fd);
      return;
    }
    connection.unread.append(buffer, static_cast<std::size_t>(got));
    while (auto size = bench::message_size(connection.unread)) {
      if (connection.unread.starts_with("GET /health")) {
        reply(fd, health_);
      } else if (!silent_) {
        due_.push_back({bench::Clock::now() + delay_, fd, connection.id});
      }
      connection.unread.erase(0, *size);
    }
  }

  void answer_due() {
    while (!due_.empty() && due_.front().at <= bench::Clock::now()) {
      Due next = due_.front();
      due_.pop_front();
      auto found = connections_.find(next.fd);
      if (found != connections_.end() && found->second.id == next.connection)
        reply(next.fd, answer_);
    }
  }

  // Small answers fit the socket's buffer; a peer that has gone shows at the next read.
  static void reply(int fd, const std::string& text) {
    [[maybe_unused]] ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
  }

  nanoseconds delay_;
  bool silent_;
  std::string answer_;
  std::string health_ = json_answer(R"({"health":"ok"})");
  std::uint16_t port_ = 0;
  int epoll_ = -1;
  int listener_ = -1;
  std::uint64_t last_id_ = 0;
  std::unordered_map<int, Connection> connections_;
  std::deque<Due> due_;
};

}  // namespace

int main(int argc, char** argv) {
  bench::Flags flags(argc, argv);
  prctl(PR_SET_TIMERSLACK, 1UL);  // the kernel may otherwise wake 50 us late
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  auto delay = nanoseconds(static_cast<std::int64_t>(flags.number("delay_ms", 20) * 1e6));
  Member member(delay, flags.number("silent", 0) != 0, flags.text("prediction", "0.99,0.01"));
  std::cout << member.port() << std::endl;
  member.run();
}
