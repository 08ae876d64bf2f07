#include "http/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/format.h"
#include "http/proxy_protocol.h"
#include "telemetry/request_id.h"
#include "telemetry/trace.h"

namespace sluice::http {

Connection::Connection(LoopServer& server, SitePtr site, std::unique_ptr<Transport> transport,
                       std::string peer)
    : server_(server),
      site_(std::move(site)),
      transport_(std::move(transport)),
      peer_text_(std::move(peer)),
      parser_({server.limits().head_bytes, server.limits().headers}) {
  loop_ = &server.loop();
  head_ = &parser_.head();
  peer_ = peer_text_;
  secure_ = transport_->secure();
}

Connection::~Connection() {
  if (timer_ != 0) loop_->cancel(timer_);
  if (in_.bytes) server_.give_buffer(std::move(in_));
  server_.observer().on_connection(*site_, -1);
  server_.counts().connections.fetch_sub(1, std::memory_order_relaxed);
}

void Connection::start(const Binding& binding) {
  binding_ = &binding;
  server_.observer().on_connection(*site_, 1);
  if (site_->proxy_protocol) phase_ = Phase::kProxyHeader;
  set_deadline(loop_->now() + server_.limits().head_timeout);
  loop_->watch(transport_->fd(), *this);
}

void Connection::rebind(const Binding* binding, const Binding* now) {
  if (binding_ != binding) return;
  binding_ = now;
  if (now != nullptr && idle()) site_ = now->site;
}

void Connection::on_io(bool readable, bool writable) {
  if (ended_) return;
  hangup_ = hangup_ || loop_->hangup_reported();
  readable_ = readable_ || readable;
  if (writable) {
    writable_ = true;
    if (secure_) readable_ = true;  // TLS may have waited for room to read
    if (unsent() > 0) flush();
  }
  if (readable && secure_) writable_ = true;  // or for bytes to write
  const bool nothing_came = !ended_ && wants_head() && server_.may_read_ahead() && !fill();
  if (nothing_came && unsent() == 0 && !server_.draining()) return give_back_input();
  pump_later();
}

void Connection::pump_later() {
  if (ended_ || handle_queued_) return;
  handle_queued_ = true;
  server_.handle_later(*this);
}

void Connection::handle() {
  handle_queued_ = false;
  pump();
}

void Connection::go_on_next_turn() {
  if (std::exchange(resume_queued_, true)) return;
  server_.handle_next_turn(*this);
}

void Connection::resume() {
  resume_queued_ = false;
  pump_later();
}

void Connection::pump() {
  if (pumping_ || ended_) return;
  pumping_ = true;
  int budget = kRequestsPerTurn;
  while (!ended_ && advance()) {
    if (phase_ == Phase::kHead && fed_ == 0 && --budget == 0) {
      go_on_next_turn();
      break;
    }
  }
  if (!ended_ && unsent() > 0 && !send_queued_) {
    send_queued_ = true;
    server_.send_later(*this);
  }
  give_back_input();
  pumping_ = false;
}

// What was waiting for room to answer goes on, after others had their turn.
void Connection::send() {
  send_queued_ = false;
  if (ended_ || !flush() || phase_ != Phase::kHead) return;
  if (readable_ || end_ - begin_ > fed_ || server_.draining()) go_on_next_turn();
}

void Connection::give_back_input() {
  if (ended_ || !idle() || !in_.bytes) return;
  begin_ = end_ = cursor_ = 0;
  server_.give_buffer(std::move(in_));
  in_ = {};
}

bool Connection::advance() {
  switch (phase_) {
    case Phase::kProxyHeader:
      return step_proxy_header();
    case Phase::kHead:
      return step_head();
    case Phase::kBody:
      return step_body();
    case Phase::kUpload:
      return step_upload();
    case Phase::kHandling:
    case Phase::kStreaming:
      return step_handling();
    case Phase::kLingering:
      linger();
      return false;
  }
  return false;
}

// Read by peeking, since behind the header the bytes may be TLS's.
bool Connection::step_proxy_header() {
  if (!readable_) return false;
  std::array<char, kMaxProxyHeader> bytes;
  const auto n = ::recv(transport_->fd(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return readable_ = false;
  if (n <= 0) return end(), false;
  const auto header = parse_proxy_header({bytes.data(), static_cast<std::size_t>(n)});
  switch (header.step) {
    case ProxyHeader::Step::kNeedMore:
      if (hangup_) return end(), false;
      return readable_ = false;
    case ProxyHeader::Step::kInvalid:
      server_.observer().on_refused(*site_, "proxy_header");
      return end(), false;
    case ProxyHeader::Step::kDone:
      break;
  }
  // What was peeked is there, so this cannot fall short.
  [[maybe_unused]] const auto taken = ::recv(transport_->fd(), bytes.data(), header.size, 0);
  if (!header.source.empty()) peer_text_ = header.source;
  peer_ = peer_text_;
  phase_ = Phase::kHead;
  return true;
}

void Connection::make_room() {
  if (begin_ == 0 || in_.size - begin_ >= server_.limits().head_bytes + 4096) return;
  std::memmove(in_.bytes.get(), in_.bytes.get() + begin_, end_ - begin_);
  end_ -= begin_;
  cursor_ = begin_ = 0;
}

// From when the loop learnt of it: that others were handled first is time that it waited.
void Connection::start_timings() {
  constexpr std::chrono::microseconds kWorthSaying{100};
  timings = telemetry::RequestTimings(loop_->now());
  const TimePoint now = server_.precise_now();
  if (now - timings.start() >= kWorthSaying) timings.lap(telemetry::Stage::kQueue, now);
}

bool Connection::step_head() {
  if (unsent() > kHighWater) return false;
  if (wants_head()) {
    if (server_.draining() && fed_ == 0) {
      if (unsent() == 0) end();
      return false;
    }
    if (!fill()) return false;
  }
  if (fed_ == 0) {
    if (binding_ != nullptr && site_ != binding_->site) site_ = binding_->site;
    start_timings();
  }
  make_room();
  switch (parser_.feed_head(pending())) {
    case RequestParser::Step::kNeedMore:
      if (fed_ == 0) set_deadline(loop_->now() + server_.limits().head_timeout);
      fed_ = end_ - begin_;
      return true;
    case RequestParser::Step::kRefused:
      head_only_ = false;
      refuse(parser_.refusal());
      return true;
    case RequestParser::Step::kDone:
      fed_ = end_ - begin_;
      cursor_ = begin_ + parser_.head_size();
      begin_body();
      return true;
  }
  return false;
}

void Connection::begin_body() {
  const RequestHead& head = parser_.head();
  body_ = {};
  body_in_place_ = false;
  head_only_ = head.method == Method::kHead;
  close_after_ = !head.keep_alive;
  if (site_->router.streams_body(head.method, head.path)) return begin_upload();
  if (!head.chunked && head.content_length == 0) return dispatch();
  if (head.content_length > server_.limits().body_bytes) {
    return refuse({413, "body_too_large",
                   formatted("the body has {} bytes; {} are allowed", head.content_length,
                             server_.limits().body_bytes)});
  }
  if (head.expects_continue && site_->router.find(head.method, head.path).route == nullptr) {
    close_after_ = must_linger_ = true;  // answered before its body, which may come or not
    return dispatch();
  }
  phase_ = Phase::kBody;
  set_deadline(loop_->now() + server_.limits().body_idle_timeout);
  if (head.expects_continue && cursor_ == end_) out_ += "HTTP/1.1 100 Continue\r\n\r\n";
  body_in_place_ = !head.chunked && cursor_ + head.content_length <= in_.size;
  body_store_.clear();
  body_got_ = 0;
  if (!head.chunked && !body_in_place_) {
    body_got_ = end_ - cursor_;
    body_store_.assign(in_.bytes.get() + cursor_, body_got_);
    cursor_ = end_;
  }
}

bool Connection::step_body() {
  const RequestHead& head = parser_.head();
  if (head.chunked) {
    if (cursor_ < end_) {
      std::size_t consumed = 0;
      const auto step = parser_.feed_chunked({in_.bytes.get() + cursor_, end_ - cursor_},
                                             body_store_, server_.limits().body_bytes, consumed);
      cursor_ += consumed;
      if (step == RequestParser::Step::kRefused) return refuse(parser_.refusal()), true;
      if (step == RequestParser::Step::kDone) {
        body_store_.reserve(body_store_.size() + 64);
        body_ = body_store_;
        dispatch();
        return true;
      }
      cursor_ = end_ = begin_ + parser_.head_size();
    }
    if (unsent() > 0) flush();  // 100 Continue
    return !ended_ && fill();
  }
  const std::size_t length = head.content_length;
  if (body_in_place_) {
    if (end_ - cursor_ >= length) {
      body_ = {in_.bytes.get() + cursor_, length};
      cursor_ += length;
      dispatch();
      return true;
    }
    if (unsent() > 0) flush();
    return !ended_ && fill();
  }
  if (body_got_ == length) {
    body_store_.resize(length);
    body_store_.reserve(length + 64);
    body_ = body_store_;
    dispatch();
    return true;
  }
  if (unsent() > 0) flush();
  return !ended_ && fill_body_store();
}

// The store grows as bytes come, not as Content-Length promises.
bool Connection::fill_body_store() {
  if (!readable_) return false;
  const std::size_t length = parser_.head().content_length;
  if (body_store_.size() == body_got_) {
    body_store_.resize(std::min(length, std::max<std::size_t>(2 * body_got_, 64 * 1024)));
  }
  const std::size_t room = body_store_.size() - body_got_;
  const TransferResult result = transport_->read(body_store_.data() + body_got_, room);
  if (result.kind == TransferResult::Kind::kOk) body_got_ += result.bytes;
  return understand(result, room);
}

bool Connection::step_handling() {
  // Only to learn that the client has gone; what it sends meanwhile waits in the buffer.
  while (!gone_ && !ended_ && readable_ && end_ < in_.size && fill()) {
  }
  // Behind a full buffer the end cannot be read, but the kernel has told of it.
  if (hangup_ && end_ == in_.size) lost();
  return false;
}

bool Connection::fill() {
  if (!readable_) return false;
  if (!in_.bytes) in_ = server_.take_buffer();
  const std::size_t room = in_.size - end_;
  if (room == 0) return false;
  const TransferResult result = transport_->read(in_.bytes.get() + end_, room);
  if (result.kind == TransferResult::Kind::kOk) end_ += result.bytes;
  return understand(result, room);
}

bool Connection::understand(TransferResult result, std::size_t room) {
  switch (result.kind) {
    case TransferResult::Kind::kOk:
      if (result.bytes < room && !hangup_ && transport_->short_read_is_empty()) readable_ = false;
      if (phase_ == Phase::kBody || phase_ == Phase::kUpload)
        set_deadline(loop_->now() + server_.limits().body_idle_timeout);
      return true;
    case TransferResult::Kind::kAgain:
      return readable_ = false;
    case TransferResult::Kind::kClosed:
      readable_ = false;
      if (phase_ == Phase::kHandling || phase_ == Phase::kStreaming || phase_ == Phase::kUpload) {
        lost();
      } else if (unsent() > 0 && !gone_) {  // it asked, closed its side, and waits for answers
        phase_ = Phase::kLingering;
        linger();
      } else {
        end();
      }
      return false;
    case TransferResult::Kind::kFailed:
      lost();
      return false;
  }
  return false;
}

}  // namespace sluice::http
