// A connection to a Redis or Valkey server that comes back by itself.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/time.h"
#include "http/client/resolver.h"
#include "redis/command.h"
#include "redis/failure.h"
#include "redis/health.h"
#include "redis/keeper.h"
#include "redis/refusals.h"
#include "redis/settings.h"
#include "runtime/event_loop.h"
#include "telemetry/request_metrics.h"

namespace sluice::redis {

// What a connection is made with.
struct ConnectionSetup {
  SettingsPtr settings;
  std::uint64_t seed = 0;  // of the jitter when it connects again
  telemetry::RedisMetrics metrics{};
  // Told on the loop's thread when it is up, and why it is down: after each try that failed. For
  // the log and for those who wait for a start.
  std::function<void(const ServerFacts&)> on_up{};
  std::function<void(const Error&)> on_down{};
};

// Of one event loop: made anywhere, then everything on the loop's thread (or while the loop does
// not run), destroyed there and not from within one of its callbacks. Destroying it answers
// everything with kCancelled.
//
// Commands of one turn of the loop go out together, and are answered in their order. While the
// server is away each fails at once with kUnavailable and a time to come back: nothing waits for a
// connection. A server that owes an answer and is silent for `response_timeout` counts as hung: the
// connection is closed, and what was in flight is answered with kUnavailable. What is known about a
// command without a reply stands in Failure::fate. A command whose own deadline passes is answered
// with kTimeout while the connection stays; it may still happen.
//
// Errors: kUnavailable, kTimeout, kExhausted (too many in flight or too much waiting to be sent),
// kCancelled, and what refusal() makes of the server's own errors.
class Connection final : Keeper::Owner {
 public:
  Connection(EventLoop& loop, http::Resolver& resolver, ConnectionSetup setup);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Connects, and stays connected until stop().
  void start();
  void stop();

  // `done` runs exactly once, never before send() returns. The deadline counts if it is earlier
  // than `command_timeout`. Not for commands that block or subscribe.
  void send(const Command& command, Deadline deadline, Done done);

  [[nodiscard]] bool is_up() const { return keeper_.link() != nullptr; }
  [[nodiscard]] EventLoop& loop() { return loop_; }
  [[nodiscard]] const Settings& settings() const { return keeper_.settings(); }
  // Commands sent so far: orders what went out on this connection.
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  // For /health and for a warning at start; stays valid after the connection is gone.
  [[nodiscard]] std::shared_ptr<const Health> health() const { return health_; }

 private:
  void on_up(const ServerFacts& facts) override;
  void on_down(const Error& why) override;
  void refuse(Done done, Failure failure);
  void arm_probe();
  void probe();

  EventLoop& loop_;
  const telemetry::RedisMetrics metrics_;
  const std::function<void(const ServerFacts&)> tell_up_;
  const std::function<void(const Error&)> tell_down_;
  const std::shared_ptr<Health> health_ = std::make_shared<Health>();
  Keeper keeper_;
  std::uint64_t sent_ = 0;
  TimerId probe_timer_ = 0;
  bool probing_ = false;
  Refusals refused_;
};

}  // namespace sluice::redis
