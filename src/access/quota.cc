#include "access/quota.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/format.h"

namespace sluice::access {

namespace {

// 2^40 is more than kMostQuota; 23 bits of days last for 22,000 years.
constexpr int kCountBits = 40;
constexpr int kMonthBit = 63;
constexpr std::uint64_t kCountMask = (std::uint64_t{1} << kCountBits) - 1;

std::uint64_t pack(const QuotaCounter::Used& used) {
  return std::uint64_t{used.period.period == Period::kMonth} << kMonthBit |
         std::uint64_t{used.period.number} << kCountBits | std::min(used.count, kCountMask);
}

QuotaCounter::Used unpack(std::uint64_t packed) {
  constexpr std::uint64_t kNumberMask = (std::uint64_t{1} << (kMonthBit - kCountBits)) - 1;
  return {{packed >> kMonthBit != 0 ? Period::kMonth : Period::kDay,
           static_cast<std::uint32_t>(packed >> kCountBits & kNumberMask)},
          packed & kCountMask};
}

// What counts when `now` is the period that the clock says.
QuotaCounter::Used carried(QuotaCounter::Used used, PeriodNumber now) {
  const bool same = used.period.period == now.period && used.period.number >= now.number;
  return same ? used : QuotaCounter::Used{now, 0};
}

std::chrono::year_month month_of(std::uint32_t number) {
  return std::chrono::year(1970) / std::chrono::January + std::chrono::months(number);
}

WallTime start_of(PeriodNumber period) {
  if (period.period == Period::kDay) return WallTime(std::chrono::days(period.number));
  return std::chrono::sys_days(month_of(period.number) / 1);
}

}  // namespace

Result<Quota> parse_quota(std::string_view text) {
  Quota quota;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, quota.count);
  const std::string_view period(end, last);
  if (error != std::errc() || quota.count == 0 || quota.count > kMostQuota ||
      (period != "/day" && period != "/month")) {
    return fail(invalid("a quota such as 10000/day or 1000000/month"));
  }
  quota.period = period == "/day" ? Period::kDay : Period::kMonth;
  return quota;
}

std::string to_string(const Quota& quota) {
  return formatted("{}/{}", quota.count, quota.period == Period::kDay ? "day" : "month");
}

PeriodNumber period_at(Period period, WallTime now) {
  const auto day = std::chrono::floor<std::chrono::days>(now);
  if (period == Period::kDay) {
    return {period, static_cast<std::uint32_t>(day.time_since_epoch().count())};
  }
  const std::chrono::year_month_day date(day);
  const auto months = date.year() / date.month() - month_of(0);
  return {period, static_cast<std::uint32_t>(months.count())};
}

WallTime begin_of(PeriodNumber period) {
  return start_of(period);
}
WallTime end_of(PeriodNumber period) {
  return start_of({period.period, period.number + 1});
}

std::string to_string(PeriodNumber period) {
  const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(start_of(period)));
  std::string month =
      formatted("{:04}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()));
  if (period.period == Period::kMonth) return month;
  return formatted("{}-{:02}", month, static_cast<unsigned>(date.day()));
}

std::optional<PeriodNumber> parse_period(std::string_view text) {
  const bool day = text.size() == 10;
  if ((!day && text.size() != 7) || text[4] != '-' || (day && text[7] != '-')) return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t length, int& value) {
    const char* const first = text.data() + at;
    const auto parsed = std::from_chars(first, first + length, value);
    return parsed.ec == std::errc() && parsed.ptr == first + length;
  };
  int y = 0;
  int m = 0;
  int d = 1;
  if (!number(0, 4, y) || !number(5, 2, m) || (day && !number(8, 2, d))) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(y),
                                         std::chrono::month(static_cast<unsigned>(m)),
                                         std::chrono::day(static_cast<unsigned>(d))};
  if (!date.ok() || y < 1970) return std::nullopt;
  return period_at(day ? Period::kDay : Period::kMonth, std::chrono::sys_days(date));
}

QuotaCounter::Spent QuotaCounter::spend(const Quota& quota, WallTime now) {
  const PeriodNumber period = period_at(quota.period, now);
  std::uint64_t known = packed_.load(std::memory_order_relaxed);
  while (true) {
    Used used = carried(unpack(known), period);
    if (used.count >= quota.count) return {false, used};
    ++used.count;
    if (packed_.compare_exchange_weak(known, pack(used), std::memory_order_relaxed)) {
      return {true, used};
    }
  }
}

QuotaCounter::Used QuotaCounter::used() const {
  return unpack(packed_.load(std::memory_order_relaxed));
}

void QuotaCounter::add(PeriodNumber period, std::uint64_t count) {
  std::uint64_t known = packed_.load(std::memory_order_relaxed);
  while (true) {
    Used used = carried(unpack(known), period);
    if (used.period != period) return;  // it is over
    used.count += count;
    if (packed_.compare_exchange_weak(known, pack(used), std::memory_order_relaxed)) return;
  }
}

}  // namespace sluice::access
