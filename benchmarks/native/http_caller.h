#pragma once
// One kept HTTP/1.1 connection to 127.0.0.1 and one request at a time on it.

#include <cstdint>
#include <string>
#include <string_view>

#include "flags.h"
#include "http_text.h"
#include "sockets.h"

namespace bench {

// PORT/PATH in its two parts.
struct Url {
  explicit Url(const std::string& text) {
    std::size_t slash = text.find('/');
    if (slash == std::string::npos) Flags::fail("expected PORT/PATH, not", text);
    port = static_cast<std::uint16_t>(std::stoi(text.substr(0, slash)));
    path = text.substr(slash);
  }
  std::uint16_t port;
  std::string path;
};

// GET without a body, POST with one.
inline std::string http_request(std::string_view path, std::string_view body) {
  std::string text = body.empty() ? "GET " : "POST ";
  text.append(path).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\n");
  if (!body.empty()) {
    text +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  return text.append("\r\n").append(body);
}

class Caller {
 public:
  explicit Caller(std::uint16_t port) : fd_(connect_to(port)) {}
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  ~Caller() { close(fd_); }

  // Until the whole answer is here.
  void call(std::string_view request) {
    if (send(fd_, request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size())) {
      fail_errno("send");
    }
    answer_.clear();
    while (!message_size(answer_)) {
      char buffer[16384];
      ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
      if (got <= 0) fail_errno("the server closed the connection or recv failed");
      answer_.append(buffer, static_cast<std::size_t>(got));
    }
  }

  bool answered_well() const { return answer_.starts_with("HTTP/1.1 2"); }
  const std::string& answer() const { return answer_; }

 private:
  int fd_;
  std::string answer_;
};

}  // namespace bench
