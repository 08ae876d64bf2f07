// How a server is doing, for those who only want to look.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "redis/server_facts.h"

namespace sluice::redis {

// The last state that a connection's probes have seen. Written by the connection; read() from any
// thread, at once, whatever the server does.
class Health {
 public:
  struct State {
    bool up = false;
    Error error{ErrorCode::kUnavailable, "the Redis server has not been reached yet", {}};  // !up
    TimePoint since{};                     // when `up` last changed
    std::optional<Duration> round_trip{};  // of the last probe that was answered
    ServerFacts facts{};                   // of the last server that was connected to
  };

  [[nodiscard]] State read() const {
    const std::scoped_lock lock(mutex_);
    return state_;
  }

  void on_up(const ServerFacts& facts, TimePoint now) {
    const std::scoped_lock lock(mutex_);
    turn(true, now);
    state_.facts = facts;
  }
  void on_answer(Duration round_trip, TimePoint now) {
    const std::scoped_lock lock(mutex_);
    turn(true, now);
    state_.round_trip = round_trip;
  }
  void on_down(const Error& why, TimePoint now) {
    const std::scoped_lock lock(mutex_);
    turn(false, now);
    state_.error = why;
  }

 private:
  void turn(bool up, TimePoint now) {
    if (state_.up != up || state_.since == TimePoint{}) state_.since = now;
    state_.up = up;
  }

  mutable std::mutex mutex_;
  State state_;
};

}  // namespace sluice::redis
