#include "redis/link.h"

#include <array>
#include <utility>

#include "base/format.h"

namespace sluice::redis {

namespace {
constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kTlsRecord = 16 * 1024;  // RFC 8446 5.1
// After so many reads other connections of the thread get their turn.
constexpr int kReadsInARow = 16;
// A buffer that grew larger for one payload is given back.
constexpr std::size_t kKeptBuffer = 1024 * 1024;
}  // namespace

Link::Link(EventLoop& loop, std::unique_ptr<http::ClientTransport> transport, LinkLimits limits,
           std::string where, Owner& owner)
    : loop_(loop),
      transport_(std::move(transport)),
      limits_(limits),
      where_(std::move(where)),
      owner_(&owner),
      reader_(limits.max_reply_bytes) {}

Link::~Link() {
  if (open_) finish(cancelled("the connection to the Redis server was given up"), false);
}

void Link::start() {
  started_ = true;
  heard_ = loop_.now();
  loop_.watch(transport_->fd(), *this);
}

// --- sending

std::expected<void, Failure> Link::send(const Command& command, Wait wait, Done& done) {
  if (!open_) {
    return std::unexpected(Failure{
        unavailable(formatted("the connection to the Redis server at {} has ended", where_))});
  }
  if (pending_.size() >= limits_.max_in_flight) {
    return std::unexpected(Failure{
        {ErrorCode::kExhausted, formatted("{} commands wait for the Redis server at {} already",
                                          pending_.size(), where_)}});
  }
  const std::size_t waiting = out_.size() - out_sent_;
  if (waiting > 0 && waiting + command.bytes() > limits_.max_queued_bytes) {
    return std::unexpected(
        Failure{{ErrorCode::kExhausted,
                 formatted("{} bytes wait to be sent to the Redis server at {} already", waiting,
                           where_)}});
  }
  const TimePoint now = loop_.now();
  const TimePoint deadline = wait.deadline.at();
  pending_.push_back({.done = std::move(done),
                      .deadline = deadline,
                      .sent_at = now,
                      .patience = wait.patience,
                      .begins = queued_});
  next_deadline_ = std::min(next_deadline_, deadline);
  queue(command);
  arm();
  return {};
}

void Link::write(const Command& command) {
  if (!open_) return;
  if (out_.size() - out_sent_ > limits_.max_queued_bytes) {
    return lose("it takes nothing, and too much waits to be sent to it");
  }
  queue(command);
}

void Link::queue(const Command& command) {
  const std::size_t before = out_.size();
  command.write_to(out_);
  queued_ += out_.size() - before;
  flush_later();
}

void Link::flush_later() {
  if (std::exchange(flush_planned_, true)) return;
  loop_.defer([held = weak_from_this()] {
    const auto self = held.lock();
    if (!self) return;
    self->flush_planned_ = false;
    self->flush();
  });
}

void Link::flush() {
  while (open_ && out_sent_ < out_.size()) {
    const std::string_view rest = std::string_view(out_).substr(out_sent_);
    const http::IoResult result = transport_->write(rest, {});
    if (result.status == http::IoStatus::kOk) {
      out_sent_ += result.bytes;
      offered_ = std::max(offered_, queued_ - rest.size() + result.bytes);
      continue;
    }
    if (transport_->is_tls()) {  // a record may be on its way in part
      offered_ = std::max(offered_, queued_ - rest.size() + std::min(rest.size(), kTlsRecord));
    }
    if (result.status == http::IoStatus::kWantWrite || result.status == http::IoStatus::kWantRead) {
      break;
    }
    // What the peer said before it hung up may still be there to be read.
    read_some();
    if (open_) lose("the connection broke while sending: " + transport_->error());
    return;
  }
  if (out_sent_ == out_.size()) {
    out_.clear();
    out_sent_ = 0;
    if (out_.capacity() > kKeptBuffer) out_.shrink_to_fit();
  } else if (out_sent_ > out_.size() / 2) {
    out_.erase(0, out_sent_);
    out_sent_ = 0;
  }
}

// --- receiving

void Link::on_io(bool readable, bool writable) {
  const auto self = shared_from_this();
  // TLS may have to read to write and to write to read.
  if (writable || transport_->is_tls()) flush();
  if (open_ && (readable || transport_->is_tls())) read_some();
}

void Link::read_some() {
  std::array<char, kReadBytes> buffer;
  for (int i = 0; open_ && i < kReadsInARow; ++i) {
    const http::IoResult result = transport_->read(buffer);
    switch (result.status) {
      case http::IoStatus::kOk:
        heard_ = loop_.now();
        reader_.feed({buffer.data(), result.bytes});
        if (!take_replies()) return;
        if (result.bytes < buffer.size() && !transport_->is_tls() && !loop_.hangup_reported()) {
          return;
        }
        break;
      case http::IoStatus::kWantRead:
      case http::IoStatus::kWantWrite:
        return;
      case http::IoStatus::kClosed:
        return lose("the server closed the connection");
      case http::IoStatus::kError:
        return lose("the connection broke: " + transport_->error());
    }
  }
  if (!open_) return;
  loop_.post([held = weak_from_this()] {
    const auto self = held.lock();
    if (self && self->open_) self->read_some();
  });
}

// False when the link has ended.
bool Link::take_replies() {
  while (open_) {
    Result<std::optional<Reply>> reply = reader_.next();
    if (!reply) {
      lose(reply.error().message);
      return false;
    }
    if (!*reply) break;
    deliver(std::move(**reply));
  }
  if (open_) arm();
  return open_;
}

void Link::deliver(Reply reply) {
  if (pushes_) return owner_->on_push(std::move(reply));
  if (pending_.empty()) {
    return lose(formatted("the server sent {} that nobody asked for{}{}", to_string(reply.kind()),
                          reply.is_error() ? ": " : "", reply.is_error() ? reply.text() : ""));
  }
  Pending pending = std::move(pending_.front());
  pending_.pop_front();
  if (!reply.is_error()) return answer(pending, std::move(reply));
  Failure failure = refusal(reply.text());
  const std::string code = failure.code;
  answer(pending, std::unexpected(std::move(failure)));
  if (open_) owner_->on_refusal(code);
}

void Link::answer(Pending& pending, Answer answer) {
  if (!pending.done) return;
  Done done = std::exchange(pending.done, nullptr);
  metrics_.record(answer ? std::nullopt : std::optional(answer.error().error.code),
                  loop_.now() - pending.sent_at);
  done(std::move(answer));
}

void Link::begin_pushes(Duration patience) {
  pushes_ = true;
  push_patience_ = patience;
  heard_ = loop_.now();
  arm();
}

// --- the end

void Link::lose(std::string_view what) {
  finish(unavailable(formatted("the Redis server at {} was lost: {}", where_, what)), true);
}

void Link::close(const Error& why) {
  if (open_) finish(why, false);
}

void Link::finish(const Error& why, bool tell) {
  open_ = false;
  loop_.cancel(std::exchange(timer_, 0));
  if (started_) loop_.forget(transport_->fd(), *this);
  transport_->close();
  std::deque<Pending> unanswered = std::exchange(pending_, {});
  out_ = {};
  const std::uint64_t offered = offered_;
  if (tell) owner_->on_link_end(why);
  for (Pending& pending : unanswered) {
    answer(pending, std::unexpected(
                        Failure{why, pending.begins < offered ? Fate::kUnknown : Fate::kNotSent}));
  }
}

// --- time

// When the server has been silent for too long; never when it owes nothing.
TimePoint Link::silent_at() const {
  if (pushes_) return heard_ + push_patience_;
  if (pending_.empty()) return TimePoint::max();
  const Pending& first = pending_.front();
  return std::max(heard_, first.sent_at) + first.patience;
}

// One timer for all deadlines in flight: most have the same timeout, so it rings about once in that
// time and not once a command.
void Link::arm() {
  const TimePoint at = std::min(next_deadline_, silent_at());
  if (at >= timer_at_ && timer_ != 0) return;  // it rings early and looks again
  loop_.cancel(std::exchange(timer_, 0));
  timer_at_ = at;
  if (at == TimePoint::max()) return;
  timer_ = loop_.run_at(at, [this, held = weak_from_this()] {
    const auto self = held.lock();
    if (!self) return;
    timer_ = 0;
    timer_at_ = TimePoint::max();
    if (open_) on_timer();
  });
}

void Link::on_timer() {
  const TimePoint now = loop_.now();
  if (now >= silent_at()) {
    const Duration patience = pushes_ ? push_patience_ : pending_.front().patience;
    return lose(formatted("it has been silent for {:.0f} ms", to_ms(patience)));
  }
  if (now >= next_deadline_) expire(now);
  if (open_) arm();
}

void Link::expire(TimePoint now) {
  std::vector<Done> late;
  next_deadline_ = TimePoint::max();
  for (Pending& pending : pending_) {
    if (!pending.done) continue;
    if (pending.deadline > now) {
      next_deadline_ = std::min(next_deadline_, pending.deadline);
      continue;
    }
    metrics_.record(ErrorCode::kTimeout, now - pending.sent_at);
    late.push_back(std::exchange(pending.done, nullptr));
  }
  for (Done& done : late) {
    done(std::unexpected(
        Failure{timed_out(formatted("no answer in time from the Redis server at {}", where_)),
                Fate::kUnknown}));
  }
}

}  // namespace sluice::redis
