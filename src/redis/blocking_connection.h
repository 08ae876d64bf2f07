// A connection of its own for commands that wait on the server: BLMOVE, BLPOP, XREAD BLOCK.
#pragma once

#include <functional>

#include "base/time.h"
#include "redis/connection.h"
#include "redis/keeper.h"
#include "redis/refusals.h"

namespace sluice::redis {

// One command at a time, since a second one would wait behind it. It stays connected like a
// Connection and belongs to one event loop in the same way.
//
// The server may be silent for as long as the command blocks, and `command_timeout` longer; then it
// counts as hung. cancel() closes the connection, which is what ends a blocked command on the
// server; another is opened at once. A command that gave up its wait by a lost connection or by
// cancel() may have taken something all the same (Fate::kUnknown): use commands that leave it on
// the server, such as BLMOVE into a list of one's own.
class BlockingConnection final : Keeper::Owner {
 public:
  BlockingConnection(EventLoop& loop, http::Resolver& resolver, ConnectionSetup setup);
  ~BlockingConnection();
  BlockingConnection(const BlockingConnection&) = delete;
  BlockingConnection& operator=(const BlockingConnection&) = delete;

  void start() { keeper_.start(); }
  void stop();

  // `block` is the time that stands in the command: never endless, so that a lost server is
  // noticed. `done` runs exactly once, never before call() returns. kConflict while another command
  // is under way.
  void call(const Command& command, Duration block, Done done);
  // Ends the command that is under way with kCancelled; nothing when there is none.
  void cancel();

  [[nodiscard]] bool is_up() const { return keeper_.link() != nullptr; }
  [[nodiscard]] bool is_waiting() const {
    return keeper_.link() != nullptr && keeper_.link()->in_flight() > 0;
  }

 private:
  void on_up(const ServerFacts& facts) override;
  void on_down(const Error& why) override;

  const std::function<void(const ServerFacts&)> tell_up_;
  const std::function<void(const Error&)> tell_down_;
  const telemetry::RedisMetrics metrics_;
  bool cancelling_ = false;
  Keeper keeper_;
  Refusals refused_;
};

}  // namespace sluice::redis
