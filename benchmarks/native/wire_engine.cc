// An engine that speaks OpenAI's chat completions and answers a constant, at once: what a gateway
// stands before, with nothing of its own to wait for.
//
//   wire_engine [--tokens 8] [--token-ms 2]
//
// Prints the port that the kernel gave it. A stream's first token comes at once, the others
// --token-ms after one another, each sent by itself, and with the last of them its end; with
// --token-ms 0 all is sent together. A whole answer comes when the stream's end would. GET of
// anything is the list of its one model.

#include <sys/epoll.h>
#include <sys/prctl.h>

#include <csignal>
#include <cstdint>
#include <deque>
#include <format>
#include <iostream>
#include <string>
#include <unordered_map>

#include "flags.h"
#include "http_text.h"
#include "sample.h"
#include "sockets.h"

namespace {

using std::chrono::nanoseconds;

std::string whole(const std::string& body) {
  return std::format(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      body.size(), body);
}

std::string chunk(const std::string& event) {
  return std::format("{:x}\r\n{}\r\n", event.size(), event);
}

std::string delta(const std::string& delta, const std::string& finish) {
  return chunk(std::format(
      R"(data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"simulated","choices":[{{"index":0,"delta":{},"finish_reason":{}}}]}})"
      "\n\n",
      delta, finish));
}

// What is sent, made once.
struct Texts {
  explicit Texts(int tokens) {
    std::string words;
    for (int i = 0; i < tokens; ++i) words += i == 0 ? "time" : " time";
    completion = whole(std::format(
        R"({{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"simulated","choices":[{{"index":0,"message":{{"role":"assistant","content":"{}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":64,"completion_tokens":{},"total_tokens":{}}}}})",
        words, tokens, 64 + tokens));
    first =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        "Transfer-Encoding: chunked\r\n\r\n" +
        delta(R"({"role":"assistant","content":""})", "null") +
        delta(R"({"content":"time"})", "null");
    next = delta(R"({"content":" time"})", "null");
    end = delta("{}", R"("stop")") + chunk("data: [DONE]\n\n") + "0\r\n\r\n";
    all = first;
    for (int i = 1; i < tokens; ++i) all += next;
    all += end;
  }
  std::string models =
      whole(R"({"object":"list","data":[{"id":"simulated","object":"model","created":1}]})");
  std::string completion;
  std::string first;  // the head of a stream, and its first token
  std::string next;
  std::string end;
  std::string all;  // a stream in one piece
};

// One thread. All tokens are equally far apart, so those due form a queue in the order in which
// they were promised.
class Engine {
 public:
  Engine(int tokens, nanoseconds apart) : texts_(tokens), tokens_(tokens), apart_(apart) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    listener_ = bench::listen_on(port_);
    watch(listener_);
  }

  std::uint16_t port() const { return port_; }

  void run() {
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
      send_due();
    }
  }

 private:
  struct Due {
    bench::Clock::time_point at;
    int fd;
    std::uint64_t connection;
    bool stream;
    int sent;
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
    const auto left = std::max(nanoseconds(0), nanoseconds(due_.front().at - bench::Clock::now()));
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
    char buffer[65536];
    const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) {
      if (got < 0 && errno == EAGAIN) return;
      connections_.erase(fd);
      close(fd);
      return;
    }
    connection.unread.append(buffer, static_cast<std::size_t>(got));
    while (auto size = bench::message_size(connection.unread)) {
      answer(fd, connection.id, std::string_view(connection.unread).substr(0, *size));
      connection.unread.erase(0, *size);
    }
  }

  void answer(int fd, std::uint64_t id, std::string_view request) {
    if (request.starts_with("GET ")) return reply(fd, texts_.models);
    const bool stream = streams(request);
    if (apart_ == nanoseconds(0)) return reply(fd, stream ? texts_.all : texts_.completion);
    if (stream) reply(fd, texts_.first);
    due_.push_back({bench::Clock::now() + apart_, fd, id, stream, 1});
  }

  static bool streams(std::string_view request) {
    const std::string_view body = bench::body_of(request);
    return body.contains("\"stream\":true") || body.contains("\"stream\": true");
  }

  void send_due() {
    while (!due_.empty() && due_.front().at <= bench::Clock::now()) {
      Due due = due_.front();
      due_.pop_front();
      const auto found = connections_.find(due.fd);
      if (found == connections_.end() || found->second.id != due.connection) continue;
      const bool last = ++due.sent >= tokens_;
      if (last) {
        reply(due.fd, due.stream ? texts_.next + texts_.end : texts_.completion);
        continue;
      }
      if (due.stream) reply(due.fd, texts_.next);
      due.at += apart_;  // not from now on: what is late makes no other late
      due_.push_back(due);
    }
  }

  // Small answers fit the socket's buffer; a peer that has gone shows at the next read.
  static void reply(int fd, const std::string& text) {
    [[maybe_unused]] const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
  }

  const Texts texts_;
  const int tokens_;
  const nanoseconds apart_;
  std::uint16_t port_ = 0;
  int epoll_ = -1;
  int listener_ = -1;
  std::uint64_t last_id_ = 0;
  std::unordered_map<int, Connection> connections_;
  std::deque<Due> due_;
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Flags flags(argc, argv);
  prctl(PR_SET_TIMERSLACK, 1UL);  // the kernel may otherwise wake 50 us late
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  const auto apart = nanoseconds(static_cast<std::int64_t>(flags.number("token-ms", 2) * 1e6));
  Engine engine(static_cast<int>(flags.number("tokens", 8)), apart);
  std::cout << engine.port() << std::endl;
  engine.run();
}
