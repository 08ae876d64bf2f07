// One connection, one request at a time: how long until the whole answer is here.
//
//   http_latency --url 8000/predict --body '{"data":[[5.1,3.5,1.4,0.2]]}' --seconds 2
//
// Several --url PORT/PATH are asked one after another, each on its own connection, and their sum is
// one duration: what a caller waits who asks in turn. Without --body it sends GET. Prints one line
// of JSON, with the last answer.

#include <cstdint>
#include <iostream>
#include <memory>
#include <string>

#include "flags.h"
#include "http_text.h"
#include "sample.h"
#include "sockets.h"

namespace {

// One kept connection and the bytes of the one request sent over it.
class Caller {
 public:
  Caller(const std::string& url, const std::string& body) {
    std::size_t slash = url.find('/');
    if (slash == std::string::npos) bench::Flags::fail("expected PORT/PATH, not", url);
    auto port = static_cast<std::uint16_t>(std::stoi(url.substr(0, slash)));
    request_ =
        (body.empty() ? "GET " : "POST ") + url.substr(slash) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
    if (!body.empty()) {
      request_ +=
          "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
          "\r\n";
    }
    request_ += "\r\n" + body;
    fd_ = bench::connect_to(port);
  }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  ~Caller() { close(fd_); }

  void call() {
    if (send(fd_, request_.data(), request_.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request_.size())) {
      bench::fail_errno("send");
    }
    answer_.clear();
    while (!bench::message_size(answer_)) {
      char buffer[16384];
      ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
      if (got <= 0) bench::fail_errno("the server closed the connection or recv failed");
      answer_.append(buffer, static_cast<std::size_t>(got));
    }
  }

  bool answered_well() const { return answer_.starts_with("HTTP/1.1 2"); }
  const std::string& answer() const { return answer_; }

 private:
  int fd_ = -1;
  std::string request_;
  std::string answer_;
};

}  // namespace

int main(int argc, char** argv) {
  bench::Flags flags(argc, argv);
  std::string body = flags.text("body", "");
  std::vector<std::unique_ptr<Caller>> callers;
  for (const std::string& url : flags.texts("url")) {
    callers.push_back(std::make_unique<Caller>(url, body));
  }
  if (callers.empty()) bench::Flags::fail("missing", "--url");

  std::size_t bad = 0;
  auto ask_all = [&] {
    for (const auto& caller : callers) {
      caller->call();
      if (!caller->answered_well()) ++bad;
    }
  };
  auto warm_up = bench::Clock::now();
  while (bench::seconds_since(warm_up) < flags.number("warmup", 0.2)) ask_all();
  bad = 0;
  bench::Sample sample;
  auto start = bench::Clock::now();
  while (bench::seconds_since(start) < flags.number("seconds", 2)) {
    auto before = bench::Clock::now();
    ask_all();
    sample.add(bench::Clock::now() - before);
  }
  std::cout << '{';
  sample.print(std::cout);
  std::cout << ",\"errors\":" << bad
            << ",\"answer\":" << bench::quoted(bench::body_of(callers.back()->answer())) << "}\n";
  return 0;
}
