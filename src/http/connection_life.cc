// Output, time and the end of a connection.
#include <algorithm>
#include <array>

#include "http/connection.h"

namespace sluice::http {

namespace {
// How long, and for how many bytes, a client that was refused may go on sending before we hang up:
// a close with unread bytes would reset the connection and take the answer with it.
constexpr std::chrono::seconds kLingerTime{2};
constexpr std::size_t kLingerBytes = 4 * 1024 * 1024;
}  // namespace

bool Connection::flush() {
  if (gone_ || ended_) return false;
  bool moved = false;
  while (unsent() > 0 && writable_) {
    const TransferResult result = transport_->write(out_.data() + sent_, unsent());
    switch (result.kind) {
      case TransferResult::Kind::kOk:
        sent_ += result.bytes;
        moved = true;
        break;
      case TransferResult::Kind::kAgain:
        writable_ = false;
        break;
      case TransferResult::Kind::kClosed:
      case TransferResult::Kind::kFailed:
        lost();
        return false;
    }
  }
  if (unsent() > 0) {
    if (moved || write_deadline_ == TimePoint::max()) {
      write_deadline_ = loop_->now() + server_.limits().write_timeout;
      arm_timer();
    }
    if (sent_ > kHighWater) {
      out_.erase(0, sent_);
      sent_ = 0;
    }
  } else {
    write_deadline_ = TimePoint::max();
    sent_ = 0;
    constexpr std::size_t kKeep = 64 * 1024;
    if (out_.capacity() > kKeep) {
      out_ = {};
    } else {
      out_.clear();
    }
  }
  if (phase_ == Phase::kStreaming && on_writable_ && unsent() < kHighWater) {
    Task task = std::move(on_writable_);
    on_writable_ = nullptr;
    server_.defer(std::move(task));
  }
  return unsent() == 0;
}

// Everything is answered and the connection is to be closed.
void Connection::linger() {
  if (!flush() && (ended_ || unsent() > 0)) return;
  if (!must_linger_) return end();
  if (!sending_finished_) {
    sending_finished_ = true;
    transport_->finish_sending();
    set_deadline(loop_->now() + kLingerTime);
  }
  std::array<char, 4096> scrap;
  while (readable_) {
    const TransferResult result = transport_->read(scrap.data(), scrap.size());
    if (result.kind == TransferResult::Kind::kAgain) {
      readable_ = false;
      return;
    }
    lingered_ += result.bytes;
    if (result.kind != TransferResult::Kind::kOk || lingered_ > kLingerBytes) return end();
  }
}

void Connection::drain() {
  if (idle() && unsent() == 0) {
    end();
  } else {
    pump();
  }
}

void Connection::abort() {
  lost();
}

void Connection::lost() {
  if (gone_ || ended_) return;
  if (phase_ == Phase::kUpload) leave_upload();
  if (phase_ != Phase::kHandling && phase_ != Phase::kStreaming) return end();
  gone_ = true;
  out_.clear();
  sent_ = 0;
  loop_->forget(transport_->fd(), *this);
  transport_.reset();
  set_deadline(TimePoint::max());
  write_deadline_ = TimePoint::max();
  if (answered_) return;  // finish_exchange() is on its way
  cancelled_ = true;
  if (on_cancel_) {
    Task task = std::move(on_cancel_);
    on_cancel_ = nullptr;
    task();
  }
  if (on_writable_) {  // a stream that waits for room would wait for ever
    Task task = std::move(on_writable_);
    on_writable_ = nullptr;
    server_.defer(std::move(task));
  }
}

void Connection::end() {
  if (ended_) return;
  ended_ = true;
  if (transport_) loop_->forget(transport_->fd(), *this);
  server_.remove(*this);
}

void Connection::set_deadline(TimePoint at) {
  deadline_ = at;
  arm_timer();
}

// One timer, armed late: a deadline that moves back costs nothing until the timer fires.
void Connection::arm_timer() {
  const TimePoint at = std::min(deadline_, write_deadline_);
  if (at == TimePoint::max() || (timer_ != 0 && timer_at_ <= at)) return;
  if (timer_ != 0) loop_->cancel(timer_);
  timer_at_ = at;
  timer_ = loop_->run_at(at, [this] { on_timer(); });
}

void Connection::on_timer() {
  timer_ = 0;
  if (handle_queued_) pump();  // what came in this turn came in time
  if (ended_) return;
  if (std::min(deadline_, write_deadline_) > loop_->now()) return arm_timer();
  on_timeout();
}

void Connection::on_timeout() {
  if (write_deadline_ <= loop_->now()) {
    lost();
    return;
  }
  switch (phase_) {
    case Phase::kHead:
      if (fed_ == 0) return end();  // idle: no word is needed
      refuse({408, "head_timeout", "the request's headers did not come in time"});
      break;
    case Phase::kBody:
      refuse({408, "body_timeout", "the request's body stopped coming"});
      break;
    case Phase::kUpload:
      break_upload({408, "body_timeout", "the request's body stopped coming"});
      break;
    case Phase::kProxyHeader:
      server_.observer().on_refused(*site_, "proxy_header");
      return end();
    case Phase::kLingering:
      return end();
    case Phase::kHandling:
    case Phase::kStreaming:
      return;  // the call's own deadline rules here
  }
  pump();
}

}  // namespace sluice::http
