// The HTTP/1.1 client: pooled connections, deadlines, limits, streaming.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "base/time.h"
#include "http/client/origin.h"
#include "http/client/resolver.h"
#include "http/client/response_parser.h"
#include "http/headers.h"
#include "runtime/cancel.h"
#include "runtime/event_loop.h"

namespace sluice::http {

struct ClientOptions {
  Duration connect_timeout = std::chrono::seconds(2);       // resolve, connect and TLS handshake
  Duration attempt_delay = std::chrono::milliseconds(250);  // before the next address (RFC 8305 5)
  // Shorter than the 5 s after which common servers close: uvicorn, Node.
  Duration idle_limit = std::chrono::seconds(4);
  std::size_t max_idle = 64;          // of one origin
  std::size_t max_connections = 256;  // of one origin, those being opened included
  std::size_t max_waiting = 1024;     // requests of one origin that wait for a connection
  ResponseLimits limits;
};

// A body that is not held in memory: `size` bytes, of which `at` gives some, from an offset on.
// They stay as they are until it is called again; none: they cannot be had, and the request fails.
// It is asked in order, and again for what was not taken. On the client's loop.
struct BodySource {
  std::uint64_t size = 0;
  std::function<std::string_view(std::uint64_t offset)> at;
};

struct ClientRequest {
  Method method = Method::kGet;
  std::string target = "/";
  HeaderList headers;  // Host, Content-Length and the like are the client's business
  std::string body;
  std::shared_ptr<const BodySource> body_source;  // instead of `body`; null: none
  Deadline deadline;  // covers everything: waiting, resolving, connecting, sending, receiving
  // Doing it twice does what doing it once does: a request that a stale connection swallowed may be
  // sent again. GET, HEAD, OPTIONS, PUT and DELETE are so by themselves (RFC 9110 9.2.2).
  bool safe_to_repeat = false;
  // For streaming. on_body gets the parts as they come, without back-pressure; false stops with
  // kCancelled.
  ResponseParser::OnHead on_head;
  ResponseParser::OnBody on_body;
};

inline std::uint64_t body_size(const ClientRequest& request) {
  return request.body_source ? request.body_source->size : request.body.size();
}

class ClientPool;
struct ClientCall;

// Of one event loop: made anywhere, used and destroyed on the loop's thread (or while the loop does
// not run), and not from within one of its own callbacks. Destroying it ends every request with
// kCancelled.
//
// A request takes the idle connection that was used last, opens another one, or waits, in order. It
// is sent again, once and on a connection that is not from the idle ones, only if all of this
// holds: it went out on a connection that had been idle, that connection ended before any byte of
// an answer, and either the kernel took no byte of it or it is safe to repeat.
//
// Errors: kUnavailable with what happened (cannot resolve, refused, reset, half an answer, not
// HTTP), kTimeout past the deadline with what it was waiting for, kTooLarge over a limit,
// kExhausted when too many wait, kInvalid for a request that cannot be written, kCancelled.
class Client {
 public:
  using Done = std::move_only_function<void(Result<ClientResponse>)>;

  Client(EventLoop& loop, Resolver& resolver, ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // `done` runs exactly once, on the loop's thread, never before start() returns, and also after a
  // cancellation.
  CancelHandle start(const Origin& origin, ClientRequest request, Done done);

  [[nodiscard]] EventLoop& loop() { return loop_; }

  struct Counts {
    std::size_t origins = 0;
    std::size_t idle = 0;
    std::size_t busy = 0;
    std::size_t opening = 0;
    std::size_t waiting = 0;
  };
  [[nodiscard]] Counts counts() const;

 private:
  void arm_sweep();
  void sweep();

  EventLoop& loop_;
  Resolver& resolver_;
  const ClientOptions options_;
  std::unordered_map<Origin, std::unique_ptr<ClientPool>, OriginHash> pools_;
  TimerId sweep_timer_ = 0;
};

}  // namespace sluice::http
