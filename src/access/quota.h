// How many in a day or a month: counted in memory, kept in a file beside the keys.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace sluice::access {

enum class Period : std::uint8_t { kDay, kMonth };  // of the calendar, in UTC

// "10000/day", "1000000/month".
struct Quota {
  std::uint64_t count = 0;
  Period period = Period::kDay;
  bool operator==(const Quota&) const = default;
};
inline constexpr std::uint64_t kMostQuota = 1'000'000'000'000;

Result<Quota> parse_quota(std::string_view text);
std::string to_string(const Quota& quota);  // parse_quota() reads it back

// One period of the calendar.
struct PeriodNumber {
  Period period = Period::kDay;
  std::uint32_t number = 0;  // days, or months, since 1970
  bool operator==(const PeriodNumber&) const = default;
};
PeriodNumber period_at(Period period, WallTime now);
WallTime begin_of(PeriodNumber period);
WallTime end_of(PeriodNumber period);
std::string to_string(PeriodNumber period);  // "2026-11-26", "2026-11"
std::optional<PeriodNumber> parse_period(std::string_view text);

// How much of a quota is used, for many threads at once, without a lock. A new period starts at
// nothing; a clock that is set back stays in the period that had begun.
class QuotaCounter {
 public:
  struct Used {
    PeriodNumber period;
    std::uint64_t count = 0;
    bool operator==(const Used&) const = default;
  };
  // False: all of it is used. `used` is after this one.
  struct Spent {
    bool granted = false;
    Used used;
  };
  Spent spend(const Quota& quota, WallTime now);
  [[nodiscard]] Used used() const;
  // What others have used of the same period, or of a later one.
  void add(PeriodNumber period, std::uint64_t count);

 private:
  std::atomic<std::uint64_t> packed_ = 0;  // period, then count in the lower bits
};

}  // namespace sluice::access
