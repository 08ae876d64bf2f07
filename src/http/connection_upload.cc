// A body that goes to its handler as it comes.
#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/format.h"
#include "http/connection.h"

namespace sluice::http {

namespace {

Error to_error(const Refusal& refusal) {
  switch (refusal.status) {
    case 408:
      return timed_out(refusal.message);
    case 413:
    case 431:
      return {ErrorCode::kTooLarge, refusal.message};
    default:
      return invalid(refusal.message);
  }
}

}  // namespace

// The head is there: its handler begins, and takes the body when it is ready for it.
void Connection::begin_upload() {
  const RequestHead& head = parser_.head();
  if (head.content_length > server_.limits().upload_bytes) {
    return refuse({413, "body_too_large",
                   formatted("the body has {} bytes; {} are allowed here", head.content_length,
                             server_.limits().upload_bytes)});
  }
  upload_open_ = true;
  upload_paused_ = upload_last_ = false;
  upload_got_ = 0;
  body_store_.clear();
  dispatch();
}

void Connection::do_stream_body(BodySink& sink) {
  if (gone_) return;
  if (phase_ != Phase::kHandling || !upload_open_) throw std::logic_error("no body to stream");
  phase_ = Phase::kUpload;
  upload_sink_ = &sink;
  upload_last_ = !parser_.head().chunked && parser_.head().content_length == 0;
  set_deadline(loop_->now() + server_.limits().body_idle_timeout);
  if (parser_.head().expects_continue && cursor_ == end_) out_ += "HTTP/1.1 100 Continue\r\n\r\n";
  if (!pumping_) pump_later();
}

void Connection::do_resume_body() {
  if (!std::exchange(upload_paused_, false) || phase_ != Phase::kUpload) return;
  set_deadline(loop_->now() + server_.limits().body_idle_timeout);
  if (!pumping_) pump_later();
}

bool Connection::step_upload() {
  if (upload_paused_) return false;  // what comes waits in the kernel
  if (upload_last_) {
    end_upload();
    return true;
  }
  std::string_view part;
  if (!next_part(part)) {
    break_upload(parser_.refusal());
    return true;
  }
  if (part.empty()) {
    if (upload_last_) return true;
    cursor_ = end_ = begin_ + parser_.head_size();
    if (unsent() > 0) flush();  // 100 Continue
    return !ended_ && !gone_ && fill();
  }
  upload_got_ += part.size();
  const bool more = upload_sink_->on_part(part);
  if (phase_ != Phase::kUpload) return true;  // it has answered
  upload_paused_ = !more;
  if (upload_paused_) set_deadline(TimePoint::max());  // nobody waits for the client now
  return true;
}

bool Connection::next_part(std::string_view& part) {
  const RequestHead& head = parser_.head();
  const std::string_view fresh{in_.bytes.get() + cursor_, end_ - cursor_};
  if (!head.chunked) {
    part =
        fresh.substr(0, std::min<std::uint64_t>(fresh.size(), head.content_length - upload_got_));
    cursor_ += part.size();
    upload_last_ = upload_got_ + part.size() == head.content_length;
    return true;
  }
  if (fresh.empty()) return true;
  body_store_.clear();
  std::size_t consumed = 0;
  const auto step = parser_.feed_chunked(fresh, body_store_,
                                         server_.limits().upload_bytes - upload_got_, consumed);
  cursor_ += consumed;
  upload_last_ = step == RequestParser::Step::kDone;
  part = body_store_;
  return step != RequestParser::Step::kRefused;
}

void Connection::end_upload() {
  BodySink* sink = std::exchange(upload_sink_, nullptr);
  upload_open_ = false;
  phase_ = Phase::kHandling;
  set_deadline(TimePoint::max());
  sink->on_end();
}

// Where the next request begins is not known any more.
void Connection::leave_upload() {
  upload_open_ = false;
  upload_sink_ = nullptr;
  close_after_ = must_linger_ = true;
  cursor_ = end_;
  phase_ = Phase::kHandling;
  set_deadline(TimePoint::max());
}

void Connection::break_upload(const Refusal& refusal) {
  server_.observer().on_refused(*site_, refusal.reason);
  BodySink* sink = upload_sink_;
  const int status = refusal.status;
  const Error why = to_error(refusal);
  leave_upload();
  sink->on_broken(status, why);
}

}  // namespace sluice::http
