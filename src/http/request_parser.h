// One HTTP/1 request from bytes: llhttp's grammar plus what llhttp lets through. No socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/headers.h"

namespace sluice::http {

// Why a request is answered with an error and the connection closed.
struct Refusal {
  int status = 400;
  std::string_view reason;  // a stable label for metrics: "bad_request_line", "head_too_large", ...
  std::string message;      // for a person
};

struct RequestHead {
  Method method = Method::kOther;
  std::string_view method_text;
  std::string_view target;  // as it came
  std::string_view path;    // without the query, not decoded
  std::string_view query;   // without "?"
  std::string_view host;    // empty only in HTTP/1.0
  int minor_version = 1;
  bool keep_alive = true;
  bool expects_continue = false;
  bool chunked = false;
  std::uint64_t content_length = 0;
  std::vector<HeaderView> headers;

  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const {
    return find_header(headers, name);
  }
};

struct HeadLimits {
  std::size_t bytes = 8 * 1024;  // request line and headers
  std::size_t headers = 100;
};

// A state machine over one connection's requests, one after the other:
//
//   feed_head until kDone or kRefused -> head() is valid
//   if head().chunked: feed_chunked until kDone or kRefused
//   reset()
//
// What two readers might understand differently is refused (RFC 9112 sections 2.2, 3.2, 5, 6.1,
// 11.2): bare LF, folding, Transfer-Encoding other than "chunked" or beside Content-Length or in
// HTTP/1.0, odd or differing Content-Length, no Host or two.
class RequestParser {
 public:
  enum class Step : std::uint8_t { kNeedMore, kDone, kRefused };

  explicit RequestParser(HeadLimits limits);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // `bytes` begins at the first byte of the request and holds all that has come so far: the same
  // bytes as in the calls before, at whatever address, and more behind them.
  Step feed_head(std::string_view bytes);
  // Valid after kDone, while the bytes of that call stay where they are.
  [[nodiscard]] const RequestHead& head() const;
  [[nodiscard]] std::size_t head_size() const;

  // New bytes of a chunked body. Decoded content is appended to `body`; `consumed` is how many
  // bytes belonged to this request (all of them, unless kDone). Beyond `limit` bytes of body:
  // refused, 413. Who takes the content out of `body` between calls takes it off the limit, too.
  Step feed_chunked(std::string_view bytes, std::string& body, std::size_t limit,
                    std::size_t& consumed);

  [[nodiscard]] const Refusal& refusal() const;
  // Has any byte of a request come?
  [[nodiscard]] bool begun() const;
  void reset();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Decodes %XX; none when an escape is broken or stands for NUL.
std::optional<std::string> percent_decode(std::string_view text);
// host, host:port, [v6], [v6]:port; underscores allowed.
bool is_host(std::string_view text);

}  // namespace sluice::http
