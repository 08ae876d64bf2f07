#include "config/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <span>

#include "base/format.h"

namespace sluice::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::array kTimes{Unit{"ns", 1},
                            Unit{"us", 1000},
                            Unit{"ms", 1'000'000},
                            Unit{"s", kSecond},
                            Unit{"m", 60 * kSecond},
                            Unit{"h", 3600 * kSecond},
                            Unit{"d", 86400 * kSecond}};
constexpr std::array kSizes{Unit{"B", 1}, Unit{"KiB", 1ULL << 10}, Unit{"MiB", 1ULL << 20},
                            Unit{"GiB", 1ULL << 30}, Unit{"TiB", 1ULL << 40}};
constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();

struct Split {
  std::uint64_t whole = 0;
  std::string_view fraction;  // the digits after the point
  std::string_view unit;
};

std::optional<Split> split(std::string_view text) {
  Split parts;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, parts.whole);
  if (error != std::errc{}) return std::nullopt;
  std::string_view tail(rest, end);
  if (tail.starts_with('.')) {
    tail.remove_prefix(1);
    const std::size_t digits = std::min(tail.find_first_not_of("0123456789"), tail.size());
    if (digits == 0 || digits > 9) return std::nullopt;
    parts.fraction = tail.substr(0, digits);
    tail.remove_prefix(digits);
  }
  parts.unit = tail;
  return parts;
}

// whole.fraction x factor, if that is a whole number within the bound.
std::optional<std::uint64_t> scale(const Split& parts, std::uint64_t factor) {
  __extension__ using Wide = unsigned __int128;
  Wide numerator = parts.whole;
  Wide denominator = 1;
  for (const char digit : parts.fraction) {
    numerator = numerator * 10 + static_cast<unsigned>(digit - '0');
    denominator *= 10;
  }
  const Wide product = numerator * factor;
  if (product % denominator != 0 || product / denominator > kMost) return std::nullopt;
  return static_cast<std::uint64_t>(product / denominator);
}

Result<std::uint64_t> parse(std::string_view text, std::span<const Unit> units,
                            std::string_view bare_unit, std::string_view right) {
  const auto parts = split(text);
  if (!parts) return fail(invalid(std::string(right)));
  const std::string_view unit = parts->unit.empty() ? bare_unit : parts->unit;
  if (unit.empty() && parts->whole == 0 && parts->fraction.empty()) return 0;
  const auto found = std::ranges::find(units, unit, &Unit::name);
  if (found == units.end()) return fail(invalid(std::string(right)));
  const auto value = scale(*parts, found->factor);
  if (!value) {
    return fail(invalid(
        formatted("a value that is a whole number of {} and not beyond 2^63", units.front().name)));
  }
  return *value;
}

std::string format(std::uint64_t value, std::span<const Unit> units) {
  for (std::size_t i = units.size(); i-- > 1;) {
    if (value != 0 && value % units[i].factor == 0) {
      return formatted("{}{}", value / units[i].factor, units[i].name);
    }
  }
  return formatted("{}{}", value, units.front().name);
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  const auto value = parse(text, kTimes, "", "a duration such as 250ms, 1s, 5m or 24h");
  if (!value) return fail(value.error());
  return Duration(static_cast<std::int64_t>(*value));
}

std::string format_duration(Duration value) {
  if (value <= Duration::zero()) return "0s";
  const auto count = static_cast<std::uint64_t>(value.count());
  // One day reads better as 24h.
  return count % (86400 * kSecond) == 0 && count / (86400 * kSecond) > 1
             ? format(count, kTimes)
             : format(count, std::span(kTimes).first(kTimes.size() - 1));
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
  return parse(text, kSizes, "B", "a number of bytes such as 4096, 8KiB, 10MiB or 1GiB");
}

std::string format_bytes(std::uint64_t value) {
  return format(value, kSizes);
}

}  // namespace sluice::config
