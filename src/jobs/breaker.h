// When to leave a backend alone that is away: a circuit breaker, pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace sluice::jobs {

// Closed, all goes through. After an outage it is open, and nothing is tried for a while, which
// doubles with every further outage; then one call goes through to see. One owner.
class Breaker {
 public:
  struct Options {
    Duration first = std::chrono::milliseconds(250);
    Duration longest = std::chrono::seconds(10);
  };
  Breaker() = default;
  explicit Breaker(Options options) : options_(options) {}

  // How many calls may start now, of `free`.
  [[nodiscard]] std::size_t allows(std::size_t free, TimePoint now) const {
    if (outages_ == 0) return free;
    return now >= retry_at_ && !probing_ ? std::min<std::size_t>(free, 1) : 0;
  }
  // Some have started; of an open breaker that is the one to see by.
  void started() { probing_ = outages_ != 0; }
  void succeeded() {
    outages_ = 0;
    probing_ = false;
  }
  // `random` in [0, 1) takes off up to a half, so that workers do not come back together. Calls
  // that were under way together count as one outage.
  void failed(TimePoint now, double random) {
    const bool news = outages_ == 0 || probing_;
    probing_ = false;
    if (!news) return;
    outages_ = std::min(outages_ + 1, 30U);
    const std::int64_t factor = std::int64_t{1} << std::min(outages_ - 1, 20U);
    const Duration full = std::min<Duration>(options_.longest, options_.first * factor);
    retry_at_ = now + full - std::chrono::duration_cast<Duration>(full * (random / 2));
  }
  // The call to see by ended without saying anything of the backend.
  void undecided() { probing_ = false; }
  [[nodiscard]] bool open() const { return outages_ != 0; }
  [[nodiscard]] TimePoint retry_at() const { return retry_at_; }

 private:
  Options options_;
  std::uint32_t outages_ = 0;  // in a row
  bool probing_ = false;
  TimePoint retry_at_{};
};

}  // namespace sluice::jobs
