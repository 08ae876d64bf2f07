// The typed fields of a log line.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/time.h"

namespace sluice::telemetry {

// One field. It refers to its texts and lives only as long as the call that takes it. A text that
// is longer than kMaxLogTextBytes is cut; a number that is not finite is null. A field without a
// key is left out.
struct LogField {
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, bool v) : key(k), value(v) {}
  template <std::signed_integral T>
  LogField(std::string_view k, T v) : key(k), value(static_cast<std::int64_t>(v)) {}
  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  LogField(std::string_view k, T v) : key(k), value(static_cast<std::uint64_t>(v)) {}
  template <std::floating_point T>
  LogField(std::string_view k, T v) : key(k), value(static_cast<double>(v)) {}
  // In milliseconds, to the microsecond. The key should end in _ms.
  LogField(std::string_view k, Duration v)
      : key(k),
        value(static_cast<double>(std::chrono::round<std::chrono::microseconds>(v).count()) /
              1000.0) {}

  std::string_view key;
  Value value;
};

inline constexpr std::size_t kMaxLogTextBytes = 4096;

enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kOff };
enum class LogFormat : std::uint8_t {
  kAuto,  // text where a terminal reads, else JSON
  kJson,
  kText,
};

// TRACE, DEBUG, INFO, WARN, ERROR, OFF.
std::string_view to_string(LogLevel level);
// Reads the same in small letters, and "warning".
std::optional<LogLevel> parse_log_level(std::string_view text);
std::optional<LogFormat> parse_log_format(std::string_view text);

}  // namespace sluice::telemetry
