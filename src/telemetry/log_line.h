// How a log line looks. Pure functions; the line goes behind `out`, with a newline and no other.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/time.h"
#include "telemetry/log_field.h"

namespace sluice::telemetry {

// What every line has, and its fields in their order.
struct LogLine {
  WallTime at;
  LogLevel level;
  std::string_view component;
  std::string_view action;
  std::span<const LogField> fields;
};

// {"timestamp":"2025-11-13T15:00:00.123Z","level":"INFO","component":"worker","action":"..",..}
void append_json_line(std::string& out, const LogLine& line);

// 15:00:00.123 INFO  worker prediction_completed job_id=a1b2c3 duration_ms=125
void append_text_line(std::string& out, const LogLine& line);

}  // namespace sluice::telemetry
