#include "access/rate.h"

#include <algorithm>
#include <charconv>

#include "base/format.h"
#include "config/units.h"

namespace sluice::access {

namespace {
constexpr std::chrono::days kLongestPeriod{31};
}  // namespace

Result<Rate> parse_rate(std::string_view text) {
  const auto wrong = [] {
    return fail(invalid("a rate such as 100/1m, 5/s or 1000/24h, over at most 31 days"));
  };
  Rate rate;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, rate.count);
  if (error != std::errc() || end == last || *end != '/' || rate.count == 0) return wrong();
  std::string period(end + 1, last);
  if (!period.empty() && (period[0] < '0' || period[0] > '9')) period.insert(0, 1, '1');
  const auto parsed = config::parse_duration(period);
  if (!parsed || *parsed > kLongestPeriod) return wrong();
  rate.period = *parsed;
  if (rate.count > static_cast<std::uint64_t>(rate.period.count())) return wrong();
  return rate;
}

std::string to_string(const Rate& rate) {
  return formatted("{}/{}", rate.count, config::format_duration(rate.period));
}

Taken take(const Rate& rate, TimePoint& full_at, TimePoint now) {
  const Duration one = rate.interval();
  const Duration all = one * static_cast<std::int64_t>(rate.count);
  const TimePoint full = std::max(full_at, now);
  Taken taken;
  taken.granted = full + one - now <= all;
  if (taken.granted) full_at = full + one;
  taken.full_in = std::max(full_at, now) - now;
  taken.left = static_cast<std::uint64_t>((all - std::min(taken.full_in, all)) / one);
  if (taken.left == 0) taken.next_in = taken.full_in + one - all;
  return taken;
}

Taken Bucket::take(const Rate& rate, TimePoint now) {
  std::int64_t known = full_at_ns_.load(std::memory_order_relaxed);
  while (true) {
    TimePoint full_at{Duration(known)};
    const Taken taken = access::take(rate, full_at, now);
    if (!taken.granted ||
        full_at_ns_.compare_exchange_weak(known, full_at.time_since_epoch().count(),
                                          std::memory_order_relaxed)) {
      return taken;
    }
  }
}

}  // namespace sluice::access
