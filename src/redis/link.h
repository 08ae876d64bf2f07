// One open connection to a server: commands in, replies out, in order. Internal to redis/.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/time.h"
#include "http/client/transport.h"
#include "redis/command.h"
#include "redis/failure.h"
#include "redis/reply_reader.h"
#include "runtime/event_loop.h"
#include "telemetry/request_metrics.h"

namespace sluice::redis {

struct LinkLimits {
  std::size_t max_in_flight;
  std::size_t max_queued_bytes;
  std::size_t max_reply_bytes;
};

using Done = std::move_only_function<void(Answer)>;

// A pipeline over a socket that is connected already. It ends once: when the peer closes it, sends
// garbage, owes an answer and is silent for too long, or by close(). What is in flight is answered
// then, each with what is known of its fate.
//
// Shared by whoever uses it and the loop's tasks; everything on the loop's thread. Commands of one
// turn of the loop go out together at its end.
class Link final : public IoHandler, public std::enable_shared_from_this<Link> {
 public:
  class Owner {
   public:
    // It has ended by itself. Called before what was in flight is answered, so that a callback that
    // asks again finds the owner knowing.
    virtual void on_link_end(const Error& why) = 0;
    // The server refused a command with an error of this code, and its caller has been told.
    virtual void on_refusal(std::string_view) {}
    // A reply that belongs to no command; of a link in push mode.
    virtual void on_push(Reply) {}

   protected:
    ~Owner() = default;
  };

  // `where` is the server's address, for messages. Call start() next.
  Link(EventLoop& loop, std::unique_ptr<http::ClientTransport> transport, LinkLimits limits,
       std::string where, Owner& owner);
  ~Link() override;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void start();
  // Belongs to this owner from now on, and is counted.
  void adopt(Owner& owner, const telemetry::RedisMetrics& metrics) {
    owner_ = &owner;
    metrics_ = metrics;
  }

  // What bounds one command.
  struct Wait {
    Deadline deadline;  // then its caller is told kTimeout, and the reply is thrown away
    Duration patience;  // how long the server may be silent while it owes this reply
  };
  // Why it cannot take the command, `done` unused then; else `done` will run, later.
  [[nodiscard]] std::expected<void, Failure> send(const Command& command, Wait wait, Done& done);

  // From now on every reply goes to on_push(), and commands go out by write(). The server must say
  // something at least every `patience`.
  void begin_pushes(Duration patience);
  void write(const Command& command);

  // Ends it; on_link_end() is not called. What is in flight is answered with this error.
  void close(const Error& why);

  [[nodiscard]] bool is_open() const { return open_; }
  [[nodiscard]] std::size_t in_flight() const { return pending_.size(); }
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  struct Pending {
    Done done;  // empty: its caller has been answered
    TimePoint deadline;
    TimePoint sent_at;
    Duration patience;
    std::uint64_t begins;  // where it stands in the stream of all that was ever queued
  };

  void on_io(bool readable, bool writable) override;
  void queue(const Command& command);
  void flush_later();
  void flush();
  void read_some();
  bool take_replies();
  void answer(Pending& pending, Answer answer);
  void deliver(Reply reply);
  void finish(const Error& why, bool tell);
  void lose(std::string_view what);

  void arm();
  void on_timer();
  void expire(TimePoint now);
  [[nodiscard]] TimePoint silent_at() const;

  EventLoop& loop_;
  std::unique_ptr<http::ClientTransport> transport_;
  const LinkLimits limits_;
  telemetry::RedisMetrics metrics_;
  const std::string where_;
  Owner* owner_;
  ReplyReader reader_;

  bool open_ = true;
  bool started_ = false;
  bool pushes_ = false;
  bool flush_planned_ = false;
  std::string out_;
  std::size_t out_sent_ = 0;     // of out_
  std::uint64_t queued_ = 0;     // bytes ever put into out_
  std::uint64_t offered_ = 0;    // of these, what the kernel (or TLS) may have passed on
  std::deque<Pending> pending_;  // in the order of sending
  TimePoint heard_{};            // last byte from the peer
  Duration push_patience_{};
  TimePoint next_deadline_ = TimePoint::max();  // no deadline in flight is earlier
  TimerId timer_ = 0;
  TimePoint timer_at_ = TimePoint::max();
};

using LinkPtr = std::shared_ptr<Link>;

}  // namespace sluice::redis
