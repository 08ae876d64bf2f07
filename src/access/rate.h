// How often: token buckets as pure policy over values, with the time passed in.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace sluice::access {

// So many at once, and so many again in each period: "100/1m".
struct Rate {
  std::uint64_t count = 0;
  Duration period{};

  // What one costs: `period / count`, at least a nanosecond.
  [[nodiscard]] Duration interval() const {
    return Duration(period.count() / static_cast<std::int64_t>(count));
  }
  bool operator==(const Rate&) const = default;
};

// COUNT/DURATION or COUNT/UNIT, as in 100/1m, 5/s or 1000/24h; at most one in a nanosecond, and a
// period of at most 31 days. The error says what would be right.
Result<Rate> parse_rate(std::string_view text);
std::string to_string(const Rate& rate);  // parse_rate() reads it back

// What became of taking one.
struct Taken {
  bool granted = false;
  std::uint64_t left = 0;  // how many could be taken now
  Duration full_in{};      // until all could
  Duration next_in{};      // until one can; zero where one can now
};

// A bucket is one moment: when it would be full again if nothing were taken from it. (The generic
// cell rate algorithm, ITU-T I.371, which is the token bucket without a clock of its own.) A bucket
// that is full is the same as none.
Taken take(const Rate& rate, TimePoint& full_at, TimePoint now);

// The same for many threads at once, without a lock.
class Bucket {
 public:
  Taken take(const Rate& rate, TimePoint now);

 private:
  std::atomic<std::int64_t> full_at_ns_ = 0;
};

}  // namespace sluice::access
