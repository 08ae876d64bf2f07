// From bytes to an answer (RFC 9112), over llhttp.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/headers.h"

namespace sluice::http {

// What came back. Any status is an answer: what it means is the caller's business.
struct ClientResponse {
  int status = 0;
  HeaderList headers;
  // Decoded from chunks; empty when it went to ClientRequest::on_body. At least 64 readable bytes
  // follow it in memory, as simdjson wants.
  std::string body;
  HeaderList trailers;
};

struct ResponseLimits {
  std::size_t head_bytes = 32 * 1024;         // status line and header fields, trailers on top
  std::size_t headers = 128;                  // fields, and as many trailers
  std::size_t body_bytes = 16 * 1024 * 1024;  // decoded
};

// Takes the bytes of one connection, an answer at a time. 1xx answers are skipped. One thread.
class ResponseParser {
 public:
  using OnHead = std::move_only_function<void(const ClientResponse&)>;
  using OnBody = std::move_only_function<bool(std::string_view)>;
  enum class State : std::uint8_t { kMore, kDone, kFailed };

  explicit ResponseParser(ResponseLimits limits);
  ~ResponseParser();
  ResponseParser(const ResponseParser&) = delete;
  ResponseParser& operator=(const ResponseParser&) = delete;

  // Before each answer. `to_head`: the request was HEAD, so no body follows. The callbacks may be
  // null and must outlive the answer; on_body false means stop (kCancelled).
  void begin(bool to_head, OnHead* on_head, OnBody* on_body);
  // After kDone or kFailed nothing more must be fed before begin().
  State feed(std::string_view bytes);
  State end();  // the peer closed

  // kUnavailable for what is not HTTP or was cut off, kTooLarge over a limit.
  [[nodiscard]] const Error& error() const;
  ClientResponse take();
  // Of the answer that is done: may another request follow on this connection?
  [[nodiscard]] bool reusable() const;
  // Has any byte come since begin()?
  [[nodiscard]] bool heard() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::http
