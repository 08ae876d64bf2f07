// One request and its answer, as a handler sees them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/function.h"
#include "base/time.h"
#include "http/headers.h"
#include "http/later.h"
#include "http/request_parser.h"
#include "inference/principal.h"
#include "runtime/event_loop.h"
#include "telemetry/request_metrics.h"
#include "telemetry/timings.h"

namespace sluice::http {

// What came out of `{name}` in a route's pattern, decoded.
struct PathParam {
  std::string_view name;  // of the route
  std::string value;
};

// Names for metrics and the log; views that live as long as the route (or the exchange).
struct ExchangeLabels {
  std::string_view api;
  std::string_view callable;
  const telemetry::RequestMetrics* metrics = nullptr;  // of these two; null: not counted
};

// The head of an answer. Content-Length, Date and Connection are the server's business.
struct ResponseHead {
  int status = 200;
  std::string_view content_type;  // empty: none is sent
  const HeaderList* headers = nullptr;
};

// Takes a request's body as it comes, for a route that streams (Route::streams_body). Called on the
// exchange's loop; it may answer the exchange from within, and is not called after that.
class BodySink {
 public:
  // The next part; not kept after the call. False: no more until Exchange::resume_body().
  virtual bool on_part(std::string_view part) = 0;
  // That was all of it.
  virtual void on_end() = 0;
  // It will not come whole: to be answered with this. (Of a client that has gone tells on_cancel.)
  virtual void on_broken(int status, const Error& why) = 0;

 protected:
  ~BodySink() = default;
};

// Made and owned by a connection, used on its loop's thread only. A handler must answer exactly
// once: by respond(), or by start_stream() ... end_stream(); at once or later. Until then the
// exchange and everything it shows stay valid, also when the client has gone (then the answer goes
// nowhere).
class Exchange {
 public:
  // --- the request
  [[nodiscard]] const RequestHead& head() const { return *head_; }
  // Complete, but of a route that streams, where it is empty; at least 64 readable bytes follow it,
  // as simdjson wants.
  [[nodiscard]] std::string_view body() const { return body_; }
  [[nodiscard]] std::string_view param(std::string_view name) const;
  [[nodiscard]] EventLoop& loop() const { return *loop_; }
  // Who asked, after X-Forwarded-For or the PROXY protocol where they are believed.
  [[nodiscard]] std::string_view peer() const { return peer_; }
  [[nodiscard]] bool secure() const { return secure_; }

  // Of a route that streams: from now on the body goes there, which lives as long as the exchange.
  // Nothing is read of it before. An answer before its end closes the connection.
  void stream_body(BodySink& sink) { do_stream_body(sink); }
  void resume_body() { do_resume_body(); }

  // --- the answer
  // The body is copied or sent before it returns.
  void respond(const ResponseHead& head, std::string_view body) { do_respond(head, body); }
  void respond(int status, std::string_view content_type, std::string_view body) {
    do_respond({status, content_type, nullptr}, body);
  }
  // A body in parts: chunked in HTTP/1.1, until close in HTTP/1.0. write_stream() says false when
  // more is buffered than the client takes: wait for the on_writable task. After the client has
  // gone all three do nothing, but end_stream() must still be called.
  void start_stream(const ResponseHead& head) { do_start_stream(head); }
  bool write_stream(std::string_view part) { return do_write_stream(part); }
  void end_stream() { do_end_stream(); }
  void on_writable(Task task) { on_writable_ = std::move(task); }

  // Runs when the client goes away before the answer: stop the work, then answer all the same.
  void on_cancel(Task task) { on_cancel_ = std::move(task); }
  [[nodiscard]] bool cancelled() const { return cancelled_; }
  // Does the same while the client is still there: of no use to it is what it does not take.
  void stop_work() {
    if (Task task = std::exchange(on_cancel_, nullptr)) task();
  }

  // State of the handler that lives as long as the exchange.
  template <class T, class... Args>
  T& attach(Args&&... args) {
    auto owned = std::make_unique<Holder<T>>(std::forward<Args>(args)...);
    T& value = owned->value;
    attachment_ = std::move(owned);
    return value;
  }

  telemetry::RequestTimings timings;
  ExchangeLabels labels;
  // Why it failed, for the log and metrics; set by who answers with an error.
  std::optional<Error> error;
  // Under which names the request is found again: the caller's where they are well-formed, else new
  // ones. Empty where the site keeps no track of requests.
  std::string request_id;
  std::string traceparent;
  // Who asks, where that is known by a key.
  PrincipalPtr principal;
  // Who takes calls that are to be answered later; null: nobody here.
  Later* later = nullptr;
  // Header lines, each with its CRLF, that the answer gets whoever gives it.
  std::string added_fields;
  // The value of the answer's Server-Timing, in place of the stages in `timings`.
  std::string server_timing;

 protected:
  virtual ~Exchange() = default;
  virtual void do_respond(const ResponseHead& head, std::string_view body) = 0;
  virtual void do_start_stream(const ResponseHead& head) = 0;
  virtual bool do_write_stream(std::string_view part) = 0;
  virtual void do_end_stream() = 0;
  // Of those that are routed by a Router only.
  virtual void do_stream_body(BodySink& /*sink*/) {}
  virtual void do_resume_body() {}

  struct Attachment {
    virtual ~Attachment() = default;
  };
  template <class T>
  struct Holder final : Attachment {
    template <class... Args>
    explicit Holder(Args&&... args) : value(std::forward<Args>(args)...) {}
    T value;
  };

  const RequestHead* head_ = nullptr;
  std::string_view body_;
  std::vector<PathParam> params_;
  EventLoop* loop_ = nullptr;
  std::string_view peer_;
  bool secure_ = false;
  bool cancelled_ = false;
  Task on_cancel_;
  Task on_writable_;
  std::unique_ptr<Attachment> attachment_;
};

// An error as application/problem+json (RFC 9457), with Retry-After where the error has one.
void respond_problem(Exchange& exchange, int status, const Error& error,
                     const HeaderList* extra = nullptr);
// How a protocol tells errors; respond_problem is one.
using ErrorForm = void (*)(Exchange& exchange, int status, const Error& error,
                           const HeaderList* extra);
// The status of an error, for protocols over HTTP that have none of their own.
int status_of(ErrorCode code);
inline void respond_problem(Exchange& exchange, const Error& error) {
  respond_problem(exchange, status_of(error.code), error);
}
// The body of such an answer.
std::string problem_json(int status, const Error& error);
// Seconds for Retry-After: rounded up, at least 1.
std::string retry_after_seconds(std::chrono::milliseconds wait);

}  // namespace sluice::http
