// When to try to connect again: a pure policy.
#pragma once

#include <cstdint>

#include "base/random.h"
#include "base/time.h"

namespace sluice::redis {

struct BackoffOptions {
  Duration first = std::chrono::milliseconds(50);
  Duration most = std::chrono::seconds(2);
};

// Waits that double from `first` to `most`, each shortened by up to half at random, so that the
// clients of a server that comes back do not come all at once. A connection that broke before it
// had lasted counts as another failed try, so that a server which accepts and drops is not asked in
// a tight loop. One owner, one thread.
class Backoff {
 public:
  // A connection that has been up for this long was a good one.
  static constexpr Duration kLasting = std::chrono::seconds(1);

  explicit Backoff(BackoffOptions options) : options_(options) {}

  void on_up(TimePoint now) { up_since_ = now; }
  // After a failed try, or when the connection broke: how long to wait.
  Duration next(TimePoint now, Random& random) {
    if (up_since_ != TimePoint{} && now - up_since_ >= kLasting) failures_ = 0;
    up_since_ = TimePoint{};
    Duration wait = options_.first;
    for (std::uint32_t i = 0; i < failures_ && wait < options_.most; ++i) wait *= 2;
    if (wait > options_.most) wait = options_.most;
    ++failures_;
    const Duration half = wait / 2;
    return wait - Duration(static_cast<Duration::rep>(
                      random.below(static_cast<std::uint64_t>(half.count()) + 1)));
  }
  // Tries in a row that failed.
  [[nodiscard]] std::uint32_t failures() const { return failures_; }

 private:
  const BackoffOptions options_;
  std::uint32_t failures_ = 0;
  TimePoint up_since_{};
};

}  // namespace sluice::redis
