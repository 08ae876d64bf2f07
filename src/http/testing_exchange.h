// A request and its answer without a connection, for tests of handlers; no part of the product.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "http/exchange.h"
#include "http/router.h"

namespace sluice::http {

// Holds to the rules of Connection: answered once, kept until the handler has returned.
class TestExchange final : public Exchange {
 public:
  struct Request {
    Method method = Method::kGet;
    std::string path = "/";
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string peer;
  };

  TestExchange(EventLoop& loop, Request request) : request_(std::move(request)) {
    request_head_.method = request_.method;
    request_head_.path = request_head_.target = request_.path;
    for (const auto& [name, value] : request_.headers) {
      request_head_.headers.push_back({name, value});
    }
    head_ = &request_head_;
    loop_ = &loop;
    peer_ = request_.peer;
    padded_ = request_.body + std::string(64, ' ');
    body_ = std::string_view(padded_).substr(0, request_.body.size());
    timings = telemetry::RequestTimings(loop.now());
  }
  ~TestExchange() override { attachment_.reset(); }

  // Finds the route and runs its handler; throws when there is none.
  void serve(const Router& router) {
    auto match = router.find(request_.method, request_.path);
    if (match.route == nullptr) throw std::logic_error("no route to " + request_.path);
    params_ = std::move(match.params);
    labels = match.route->labels;
    if (match.route->guard != nullptr) {
      if (const auto ok = match.route->guard->admit(*this, match.route->needs()); !ok) {
        return router.error_form(request_.path)(*this, status_of(ok.error().code), ok.error(),
                                                nullptr);
      }
    }
    match.route->handler(*this);
  }
  // Runs the loop until there is an answer. Once for a loop.
  void wait() {
    stop_when_answered_ = true;
    if (streaming ? ended : status != 0) loop_->stop();
    loop_->run();
  }
  void disconnect() {
    cancelled_ = true;
    if (Task task = std::exchange(on_cancel_, nullptr)) task();
  }

  int status = 0;  // until it is answered
  std::string content_type;
  HeaderList headers;
  std::string answer;
  std::vector<std::string> parts;  // of a stream; `answer` has them together
  bool streaming = false;
  bool ended = false;
  bool takes_more = true;  // what write_stream() says
  // The client takes again.
  void become_writable() {
    takes_more = true;
    if (Task task = std::exchange(on_writable_, nullptr)) task();
  }

 private:
  void do_respond(const ResponseHead& head, std::string_view body) override {
    if (status != 0) throw std::logic_error("an exchange answered twice");
    status = head.status;
    content_type = head.content_type;
    if (head.headers != nullptr) headers = *head.headers;
    answer = body;
    on_cancel_ = nullptr;
    if (stop_when_answered_) loop_->stop();
  }
  void do_start_stream(const ResponseHead& head) override {
    if (status != 0) throw std::logic_error("an exchange answered twice");
    status = head.status;
    content_type = head.content_type;
    if (head.headers != nullptr) headers = *head.headers;
    streaming = true;
  }
  bool do_write_stream(std::string_view part) override {
    if (!streaming || ended) throw std::logic_error("a part outside a stream");
    parts.emplace_back(part);
    answer += part;
    return takes_more;
  }
  void do_end_stream() override {
    if (!streaming || ended) throw std::logic_error("the end of no stream");
    ended = true;
    on_cancel_ = nullptr;
    on_writable_ = nullptr;
    if (stop_when_answered_) loop_->stop();
  }

  // The whole body in one part.
  void do_stream_body(BodySink& sink) override {
    sink_ = &sink;
    if (body_.empty() || sink.on_part(std::exchange(body_, {}))) do_resume_body();
  }
  void do_resume_body() override {
    if (BodySink* sink = std::exchange(sink_, nullptr); sink != nullptr && status == 0) {
      loop_->post([sink] { sink->on_end(); });
    }
  }

  BodySink* sink_ = nullptr;
  Request request_;
  RequestHead request_head_;
  std::string padded_;
  bool stop_when_answered_ = false;
};

}  // namespace sluice::http
