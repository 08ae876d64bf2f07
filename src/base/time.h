// Time as a value that is passed in: nothing below app/ asks the machine for it on its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace sluice {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

// Where time comes from. Safe to call from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual TimePoint now() const = 0;
  [[nodiscard]] virtual WallTime wall() const = 0;
};

// The machine's own clock.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] WallTime wall() const override { return std::chrono::system_clock::now(); }
};

// A clock that stands still until it is told to move. For tests and simulation.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return now_; }
  [[nodiscard]] WallTime wall() const override { return wall_; }
  void advance(Duration by) {
    now_ += by;
    wall_ += by;
  }

 private:
  TimePoint now_{std::chrono::hours(1)};
  WallTime wall_{std::chrono::seconds(1'700'000'000)};
};

// The moment after which an answer is worth nothing. A value; travels with the call to the last
// hop.
class Deadline {
 public:
  constexpr Deadline() = default;  // never
  constexpr explicit Deadline(TimePoint at) : at_(at) {}
  static constexpr Deadline never() { return {}; }
  static Deadline after(TimePoint now, Duration wait) {
    return wait > Duration::max() / 4 ? never() : Deadline(now + wait);
  }

  [[nodiscard]] bool is_never() const { return at_ == TimePoint::max(); }
  [[nodiscard]] TimePoint at() const { return at_; }
  [[nodiscard]] bool passed(TimePoint now) const { return now >= at_; }
  // Zero when it has passed, Duration::max() when there is none.
  [[nodiscard]] Duration left(TimePoint now) const {
    if (is_never()) return Duration::max();
    return now >= at_ ? Duration::zero() : at_ - now;
  }
  [[nodiscard]] Deadline earlier(Deadline other) const { return other.at_ < at_ ? other : *this; }
  auto operator<=>(const Deadline&) const = default;

 private:
  TimePoint at_ = TimePoint::max();
};

inline double to_ms(Duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}
inline double to_seconds(Duration d) {
  return std::chrono::duration<double>(d).count();
}

}  // namespace sluice
