// How fast calls of one class are served, from those that were: the base of every Retry-After and
// of every refusal of a call that could not be in time.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>

#include "base/time.h"

namespace sluice::scheduling {

// The mean of the last kSamples durations.
class RecentMean {
 public:
  static constexpr std::size_t kSamples = 128;
  static constexpr std::size_t kEnough = 4;  // fewer are no measurement

  void add(Duration sample);
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::optional<Duration> mean() const;
  // The mean as it would be with one more.
  [[nodiscard]] std::optional<Duration> mean_with(Duration sample) const;
  // A quarter of the samples is not longer.
  [[nodiscard]] std::optional<Duration> lower_quarter() const;

 private:
  std::array<Duration, kSamples> samples_{};
  std::size_t size_ = 0;
  std::size_t next_ = 0;
  Duration sum_{};
};

// A value; one owner, one thread; the time is passed in. Knows two things: how long calls hold
// their slot, and how much time passes between two starts while others wait. The second is what a
// queue is emptied by, whatever else the engine does. It says nothing before it has seen some.
class ServiceRate {
 public:
  // Refusals never name a shorter or longer time than these.
  static constexpr std::chrono::milliseconds kShortestRetry{1};
  static constexpr std::chrono::milliseconds kLongestRetry{3'600'000};
  static constexpr std::chrono::milliseconds kUnknownRetry{1000};

  // A call has given back its slot, which it held for so long.
  void served(Duration held);
  // A call got a slot, and whether others of its class go on waiting.
  void started(TimePoint now, bool others_wait);
  // Nobody waits any more, without having got a slot.
  void emptied() { last_start_.reset(); }

  [[nodiscard]] std::optional<Duration> mean_service() const { return service_.mean(); }
  // As short as a call can be expected to be.
  [[nodiscard]] std::optional<Duration> quick_service() const { return quick_; }
  // Until a call that has `ahead` others before it gets one of `slots`.
  [[nodiscard]] std::optional<Duration> wait(std::size_t ahead, std::size_t slots,
                                             TimePoint now) const;
  [[nodiscard]] std::chrono::milliseconds retry_after(std::size_t ahead, std::size_t slots,
                                                      TimePoint now) const;

 private:
  RecentMean service_;
  RecentMean between_starts_;
  std::optional<TimePoint> last_start_;  // while others have waited since
  std::optional<Duration> quick_;
  std::size_t since_quick_ = 0;
};

}  // namespace sluice::scheduling
