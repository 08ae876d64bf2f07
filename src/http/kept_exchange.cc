#include "http/kept_exchange.h"

#include <array>
#include <utility>

namespace sluice::http {

namespace {

// What simdjson may read behind the end.
constexpr std::size_t kPadding = 64;

Method method_of(std::string_view text) {
  using enum Method;
  for (const Method method : std::array{kGet, kHead, kPost, kPut, kDelete, kOptions, kPatch}) {
    if (to_string(method) == text) return method;
  }
  return kOther;
}

}  // namespace

KeptExchange::KeptExchange(EventLoop& loop, KeptMessage request, PrincipalPtr who, std::string id,
                           Done done)
    : request_(std::move(request)), done_(std::move(done)) {
  const std::string_view line = request_.first_line;
  const std::size_t space = line.find(' ');
  request_head_.method_text = line.substr(0, space);
  request_head_.method = method_of(request_head_.method_text);
  request_head_.target = space == std::string_view::npos ? "" : line.substr(space + 1);
  request_head_.path = request_head_.target.substr(0, request_head_.target.find('?'));
  if (request_head_.path.size() < request_head_.target.size()) {
    request_head_.query = request_head_.target.substr(request_head_.path.size() + 1);
  }
  for (const auto& [name, value] : request_.headers.fields()) {
    request_head_.headers.push_back({name, value});
  }
  head_ = &request_head_;
  loop_ = &loop;
  request_head_.content_length = request_.body.size();
  request_.body.append(kPadding, ' ');
  body_ = std::string_view(request_.body).substr(0, request_.body.size() - kPadding);
  timings = telemetry::RequestTimings(loop.now());
  principal = std::move(who);
  request_id = std::move(id);
}

std::shared_ptr<KeptExchange> KeptExchange::make(EventLoop& loop, KeptMessage request,
                                                 PrincipalPtr principal, std::string request_id,
                                                 Done done) {
  return std::shared_ptr<KeptExchange>(new KeptExchange(
      loop, std::move(request), std::move(principal), std::move(request_id), std::move(done)));
}

bool KeptExchange::serve(const Router& router) {
  Router::Match match = router.find(request_head_.method, request_head_.path);
  if (match.route == nullptr) return false;
  params_ = std::move(match.params);
  labels = match.route->labels;
  self_ = shared_from_this();
  match.route->handler(*this);
  return true;
}

void KeptExchange::cancel() {
  if (std::exchange(cancelled_, true)) return;
  if (Task task = std::exchange(on_cancel_, nullptr)) task();
}

void KeptExchange::do_respond(const ResponseHead& head, std::string_view body) {
  do_start_stream(head);
  answer_.message.body = body;
  do_end_stream();
}

void KeptExchange::do_start_stream(const ResponseHead& head) {
  answer_.status = head.status;
  answer_.message.first_line = std::to_string(head.status);
  if (!head.content_type.empty()) {
    answer_.message.headers.add("content-type", std::string(head.content_type));
  }
  if (head.headers == nullptr) return;
  for (const auto& [name, value] : head.headers->fields()) answer_.message.headers.add(name, value);
}

bool KeptExchange::do_write_stream(std::string_view part) {
  answer_.message.body += part;
  return true;
}

void KeptExchange::do_end_stream() {
  on_cancel_ = nullptr;
  answer_.error = std::move(error);
  // Whoever answers is part of this exchange, or called by what is: all of it goes afterwards.
  loop_->post([self = std::exchange(self_, nullptr)] {
    Done done = std::move(self->done_);
    done(std::move(self->answer_));
  });
}

}  // namespace sluice::http
