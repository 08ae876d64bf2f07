// From a request that has come to its handler, and answers that need none.
#include <chrono>

#include "base/format.h"
#include "http/connection.h"
#include "telemetry/request_id.h"
#include "telemetry/trace.h"

namespace sluice::http {

namespace {
// A 401 must say how to ask again (RFC 9110 15.5.2); X-API-Key is no scheme of HTTP's own.
constexpr std::string_view kAskForKey = "WWW-Authenticate: Bearer realm=\"sluice\"\r\n";
}  // namespace

// Gives the request the names under which logs, answers and other servers know it.
void Connection::track() {
  const RequestHead& head = parser_.head();
  request_id =
      telemetry::RequestId::accept(head.header("X-Request-Id").value_or(""), server_.random())
          .view();
  traceparent =
      telemetry::accept_traceparent(head.header("traceparent").value_or(""), server_.random());
}

void Connection::dispatch() {
  phase_ = Phase::kHandling;
  set_deadline(TimePoint::max());
  const RequestHead& head = parser_.head();
  if (!site_->trusted_proxies.empty()) {
    // Several lines are one list; some proxies add theirs as a line of its own.
    const std::string forwarded = joined_header(head.headers, "X-Forwarded-For");
    forwarded_text_ = forwarded.empty()
                          ? peer_text_
                          : forwarded_peer(peer_text_, forwarded, site_->trusted_proxies);
    peer_ = forwarded_text_;
  }
  dispatching_ = true;
  route_ = site_->router.find_exact(head.method, head.path);
  Router::Match match;
  if (route_ == nullptr) {
    match = site_->router.find(head.method, head.path);
    route_ = match.route;
    params_ = std::move(match.params);
  }
  if (site_->track_requests && (route_ == nullptr || !route_->probe)) track();
  const auto in_flight = server_.counts().in_flight.load(std::memory_order_relaxed);
  if (route_ == nullptr) {
    answer_unrouted(match);
  } else if (!route_->probe && in_flight >= static_cast<std::int64_t>(server_.limits().in_flight)) {
    server_.observer().on_refused(*site_, "in_flight_limit");
    tell_error(503, {ErrorCode::kUnavailable, "too many requests are being answered",
                     std::chrono::ceil<std::chrono::milliseconds>(server_.limits().retry_after)});
  } else {
    labels = route_->labels;
    later = site_->later.get();
    if (admitted()) route_->handler(*this);
  }
  dispatching_ = false;
  if (answered_) {
    finish_exchange();
  } else {
    counted_in_flight_ = true;
    server_.counts().in_flight.fetch_add(1, std::memory_order_relaxed);
    server_.observer().on_in_flight(1);
  }
}

bool Connection::admitted() {
  if (route_->guard == nullptr) return true;
  const Result<> admitted = route_->guard->admit(*this, route_->needs());
  if (admitted) [[likely]] {
    return true;
  }
  const Error& why = admitted.error();
  if (why.code == ErrorCode::kUnauthenticated) added_fields += kAskForKey;
  tell_error(status_of(why.code), why);
  return false;
}

bool Connection::answer_preflight() {
  const RequestHead& head = parser_.head();
  if (site_->cors.origins.empty() || !head.header("Origin")) return false;
  const auto wanted = head.header("Access-Control-Request-Method");
  if (!wanted) return false;
  HeaderList headers;
  headers.add("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS");
  std::string allowed;
  for (const std::string& name : site_->cors.headers) {
    if (!allowed.empty()) allowed += ", ";
    allowed += name;
  }
  headers.add("Access-Control-Allow-Headers", std::move(allowed));
  headers.add("Access-Control-Max-Age",
              std::to_string(
                  std::chrono::duration_cast<std::chrono::seconds>(site_->cors.max_age).count()));
  respond({204, {}, &headers}, {});
  return true;
}

void Connection::answer_unrouted(const Router::Match& match) {
  const RequestHead& head = parser_.head();
  const bool known = !match.allow.empty() || head.path == "*";
  HeaderList allow{{"Allow", head.path == "*" ? "GET, HEAD, POST, OPTIONS" : match.allow}};
  if (head.method == Method::kOptions && known) {
    if (!answer_preflight()) respond({204, {}, &allow}, {});
    return;
  }
  if (known) {
    return tell_error(405,
                      invalid(formatted("{} is not for {}; it takes {}", head.method_text,
                                        head.path, match.allow)),
                      &allow);
  }
  tell_error(404, not_found(formatted("nothing is served at {}", head.path)));
}

// In the form of the protocol that is spoken at this path, as far as a path has been read.
void Connection::tell_error(int status, const Error& why, const HeaderList* extra) {
  site_->router.error_form(parser_.head().path)(*this, status, why, extra);
}

// The request is not understood, so neither is where the next one begins: answer and close.
void Connection::refuse(const Refusal& refusal) {
  server_.observer().on_refused(*site_, refusal.reason);
  phase_ = Phase::kHandling;
  dispatching_ = true;
  close_after_ = must_linger_ = true;
  cursor_ = end_;
  tell_error(refusal.status, {refusal.status == 413 || refusal.status == 431 ? ErrorCode::kTooLarge
                                                                             : ErrorCode::kInvalid,
                              refusal.message});
  dispatching_ = false;
  finish_exchange();
}

}  // namespace sluice::http
