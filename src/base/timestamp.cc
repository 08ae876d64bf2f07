#include "base/timestamp.h"

#include <algorithm>
#include <array>

namespace sluice {

namespace {

// Writes `width` digits of `value` and gives what is behind them.
char* write_digits(char* to, unsigned value, unsigned width) {
  for (unsigned i = width; i > 0; --i) {
    to[i - 1] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return to + width;
}

// Reads digits and signs from the front of a text; the first that is missing spoils it all.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  int number(std::size_t digits) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const char c = take();
      if (c < '0' || c > '9') ok_ = false;
      value = value * 10 + (c - '0');
    }
    return ok_ ? value : 0;
  }
  void expect(std::string_view any_of) {
    if (!any_of.contains(take())) ok_ = false;
  }
  char take() {
    if (text_.empty()) {
      ok_ = false;
      return '\0';
    }
    const char c = text_.front();
    text_.remove_prefix(1);
    return c;
  }
  // Up to nine digits as nanoseconds; more are cut off.
  std::int64_t fraction() {
    std::int64_t value = 0;
    int digits = 0;
    while (!text_.empty() && text_.front() >= '0' && text_.front() <= '9') {
      const char c = take();
      if (digits < 9) value = value * 10 + (c - '0');
      ++digits;
    }
    if (digits == 0) ok_ = false;
    for (; digits < 9; ++digits) value *= 10;
    return value;
  }
  [[nodiscard]] char next() const { return text_.empty() ? '\0' : text_.front(); }
  [[nodiscard]] bool ended() const { return text_.empty(); }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::string_view text_;
  bool ok_ = true;
};

}  // namespace

void append_timestamp(std::string& out, WallTime at) {
  using namespace std::chrono;
  const auto ms = floor<milliseconds>(at);
  const auto day = floor<days>(ms);
  const year_month_day date{day};
  const hh_mm_ss time{ms - day};
  std::array<char, 24> text{};
  char* to = write_digits(text.data(), static_cast<unsigned>(static_cast<int>(date.year())), 4);
  *to++ = '-';
  to = write_digits(to, static_cast<unsigned>(date.month()), 2);
  *to++ = '-';
  to = write_digits(to, static_cast<unsigned>(date.day()), 2);
  *to++ = 'T';
  to = write_digits(to, static_cast<unsigned>(time.hours().count()), 2);
  *to++ = ':';
  to = write_digits(to, static_cast<unsigned>(time.minutes().count()), 2);
  *to++ = ':';
  to = write_digits(to, static_cast<unsigned>(time.seconds().count()), 2);
  *to++ = '.';
  to = write_digits(to, static_cast<unsigned>(time.subseconds().count()), 3);
  *to = 'Z';
  out.append(text.data(), text.size());
}

std::optional<WallTime> parse_timestamp(std::string_view text) {
  using namespace std::chrono;
  Scanner scan(text);
  const int y = scan.number(4);
  scan.expect("-");
  const int m = scan.number(2);
  scan.expect("-");
  const int d = scan.number(2);
  scan.expect("Tt ");
  const int hour = scan.number(2);
  scan.expect(":");
  const int minute = scan.number(2);
  scan.expect(":");
  const int second = scan.number(2);
  nanoseconds fraction{};
  if (scan.next() == '.') {
    scan.take();
    fraction = nanoseconds(scan.fraction());
  }
  minutes offset{};
  const char zone = scan.take();
  if (zone == '+' || zone == '-') {
    const int hours_off = scan.number(2);
    scan.expect(":");
    const int minutes_off = scan.number(2);
    if (hours_off > 23 || minutes_off > 59) return std::nullopt;
    offset = hours(hours_off) + minutes(minutes_off);
    if (zone == '-') offset = -offset;
  } else if (zone != 'Z' && zone != 'z') {
    return std::nullopt;
  }
  const year_month_day date{year(y), month(static_cast<unsigned>(m)),
                            day(static_cast<unsigned>(d))};
  if (!scan.ok() || !scan.ended() || !date.ok() || hour > 23 || minute > 59 || second > 60) {
    return std::nullopt;
  }
  // A clock in nanoseconds ends in 2262, and began in 1677.
  if (y < 1678 || y > 2261) return std::nullopt;
  return WallTime(sys_days(date)) + hours(hour) + minutes(minute) + seconds(std::min(second, 59)) +
         fraction - offset;
}

}  // namespace sluice
