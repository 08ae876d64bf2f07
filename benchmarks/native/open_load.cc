// Open loop load on a language model, over OpenAI's chat completions: calls start by a schedule
// that is made beforehand, whether or not others have been answered, and every time counts from
// when the call was to start. So a server that stands still delays all that come meanwhile, and not
// one.
//
//   open_load --port 8080 --model simulated --rate 1000 --seconds 2 [--stream 1] [--poisson 7]
//
// Calls are equally far apart, or by a Poisson process with the seed --poisson. One thread, which
// sleeps when there is nothing to do: spinning, it would take from a server on the other half of
// its processor. --warm-up seconds of the same load come first and are not told. Prints one line of
// JSON: for each call, in the order of the schedule, [start, sent, first text, end, status,
// retry-after-ms, Retry-After], in microseconds since the schedule's start; 0 stands for what never
// came, -1 for a header that is not there.

#include <sys/epoll.h>
#include <sys/prctl.h>

#include <algorithm>
#include <format>
#include <iostream>
#include <memory>
#include <random>
#include <vector>

#include "flags.h"
#include "http_answer.h"
#include "http_caller.h"
#include "sample.h"
#include "sockets.h"

namespace {

using bench::Clock;

struct Call {
  Clock::duration start{};  // all since the schedule's start
  Clock::duration sent{};
  Clock::duration first{};
  Clock::duration end{};
  int status = 0;
  long retry_after_ms = -1;
  long retry_after = -1;
};

std::vector<Call> schedule(double rate, double seconds, unsigned poisson) {
  std::vector<Call> calls;
  std::mt19937_64 random(poisson);
  std::exponential_distribution<double> gap(rate);
  for (double at = 0; at < seconds; at += poisson != 0 ? gap(random) : 1 / rate) {
    calls.push_back(
        {.start = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(at))});
  }
  return calls;
}

class Load {
 public:
  Load(std::uint16_t port, std::string request, std::vector<Call> calls)
      : port_(port), request_(std::move(request)), calls_(std::move(calls)) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
  }

  // So that no call of the schedule has to open one, as long as so many suffice.
  void connect(int connections) {
    for (int i = 0; i < connections; ++i) idle_.push_back(open());
  }

  // Until all are answered, or for `patience` after the last one was to start.
  void run(std::chrono::duration<double> patience) {
    begun_ = Clock::now() + std::chrono::milliseconds(1);
    const auto end = calls_.back().start + std::chrono::duration_cast<Clock::duration>(patience);
    while (now() < end && (next_ < calls_.size() || under_way_ > 0)) {
      while (next_ < calls_.size() && calls_[next_].start <= now()) start(next_++);
      epoll_event events[64];
      timespec wait = wait_time();
      const int count = epoll_pwait2(epoll_, events, 64, &wait, nullptr);
      for (int i = 0; i < count; ++i) read_from(*static_cast<Connection*>(events[i].data.ptr));
    }
  }

  const std::vector<Call>& calls() const { return calls_; }
  const std::string& failure() const { return failure_; }

 private:
  struct Connection {
    int fd = -1;
    Call* call = nullptr;  // none: idle
    bench::AnswerReader answer;
  };

  Clock::duration now() const { return Clock::now() - begun_; }

  Connection* open() {
    auto connection = std::make_unique<Connection>();
    connection->fd = bench::connect_to(port_);
    bench::set_non_blocking(connection->fd);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connection.get();
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, connection->fd, &event) != 0) {
      bench::fail_errno("epoll_ctl");
    }
    return connections_.emplace_back(std::move(connection)).get();
  }

  void start(std::size_t index) {
    Connection* connection = nullptr;
    if (idle_.empty()) {
      connection = open();
    } else {
      connection = idle_.back();
      idle_.pop_back();
    }
    connection->call = &calls_[index];
    connection->answer.begin();
    ++under_way_;
    const ssize_t sent = send(connection->fd, request_.data(), request_.size(), MSG_NOSIGNAL);
    calls_[index].sent = now();
    if (sent != static_cast<ssize_t>(request_.size())) end(*connection, "the request was not sent");
  }

  timespec wait_time() const {
    timespec wait{};
    auto left = std::chrono::nanoseconds(std::chrono::milliseconds(100));
    if (next_ < calls_.size()) {
      left = std::clamp(std::chrono::nanoseconds(calls_[next_].start - now()),
                        std::chrono::nanoseconds(0), left);
    }
    wait.tv_nsec = left.count();
    return wait;
  }

  void read_from(Connection& connection) {
    char buffer[65536];
    const ssize_t got = recv(connection.fd, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0 || connection.call == nullptr) return end(connection, "the connection ended");
    const auto at = now();
    bench::AnswerReader& answer = connection.answer;
    const bool whole = answer.feed({buffer, static_cast<std::size_t>(got)});
    Call& call = *connection.call;
    if (call.first == Clock::duration{} && answer.status() == 200 && answer.has_text()) {
      call.first = at;
    }
    if (!whole) return;
    call.end = at;
    call.status = answer.status();
    call.retry_after_ms = answer.retry_after_ms();
    call.retry_after = answer.retry_after();
    if (call.status != 200) failure_ = answer.body();
    if (answer.closes()) return end(connection, "");
    connection.call = nullptr;
    --under_way_;
    idle_.push_back(&connection);
  }

  // The connection is of no use any more. Its call, if it has one, stays as it is.
  void end(Connection& connection, const char* why) {
    if (connection.call != nullptr) {
      --under_way_;
      if (*why != '\0') failure_ = why;
    }
    std::erase(idle_, &connection);
    connection.call = nullptr;
    if (connection.fd >= 0) close(connection.fd);
    connection.fd = -1;
  }

  const std::uint16_t port_;
  const std::string request_;
  std::vector<Call> calls_;
  int epoll_ = -1;
  Clock::time_point begun_;
  std::size_t next_ = 0;
  std::size_t under_way_ = 0;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> idle_;  // the one used last is the last
  std::string failure_;
};

std::string body_of(const bench::Flags& flags) {
  std::string words;
  for (int i = 0; i < static_cast<int>(flags.number("words", 64)); ++i) {
    words += i == 0 ? "time" : " time";
  }
  return std::format(
      R"({{"model":"{}","messages":[{{"role":"user","content":"{}"}}],"temperature":0.5,"max_tokens":64{}}})",
      flags.text("model"), words, flags.number("stream", 0) != 0 ? R"(,"stream":true)" : "");
}

long microseconds(Clock::duration time) {
  return static_cast<long>(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Flags flags(argc, argv);
  prctl(PR_SET_TIMERSLACK, 1UL);  // the kernel may otherwise wake 50 us late
  const auto port = static_cast<std::uint16_t>(flags.number("port", 8080));
  const std::string request =
      bench::http_request(flags.text("path", "/v1/chat/completions"), body_of(flags));
  const double rate = flags.number("rate", 100);
  const double warm_up = flags.number("warm-up", 0);
  Load load(port, request,
            schedule(rate, warm_up + flags.number("seconds", 2),
                     static_cast<unsigned>(flags.number("poisson", 0))));
  load.connect(static_cast<int>(flags.number("connections", 16)));
  load.run(std::chrono::duration<double>(flags.number("patience", 10)));

  std::string out;
  for (const Call& call : load.calls()) {
    if (call.start < std::chrono::duration<double>(warm_up)) continue;
    out += std::format("{}[{},{},{},{},{},{},{}]", out.empty() ? "" : ",", microseconds(call.start),
                       microseconds(call.sent), microseconds(call.first), microseconds(call.end),
                       call.status, call.retry_after_ms, call.retry_after);
  }
  std::cout << "{\"calls\":[" << out << "],\"failure\":" << bench::quoted(load.failure()) << "}\n";
  return 0;
}
