#include "telemetry/access_log.h"

#include <array>

#include "telemetry/request_metrics.h"

namespace sluice::telemetry {

std::string_view outcome_of(std::optional<ErrorCode> error) {
  if (!error) return "ok";
  switch (*error) {
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kTimeout:
      return "timeout";
    case ErrorCode::kUnavailable:
    case ErrorCode::kInternal:
      return "failed";
    case ErrorCode::kInvalid:
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kForbidden:
    case ErrorCode::kNotFound:
    case ErrorCode::kConflict:
    case ErrorCode::kTooLarge:
    case ErrorCode::kExhausted:
      return "refused";
  }
  return "failed";
}

void log_access(Log& log, const AccessRecord& record) {
  if (!log.access_enabled()) return;
  const auto text = [](std::string_view key, std::string_view value) {
    return LogField(value.empty() ? std::string_view() : key, value);
  };
  const auto trace = record.trace.hex();
  const std::array<LogField, 15> fields{{
      text("request_id", record.request_id),
      text("trace_id", record.trace.valid() ? trace.view() : std::string_view()),
      text("client", record.client),
      text("key", record.key),
      text("tenant", record.tenant),
      text("method", record.method),
      text("path", record.path),
      text("api", record.api),
      text("callable", record.callable),
      {"status", record.status},
      {"code", outcome_name(record.error)},
      {"duration_ms", record.took},
      {"outcome", outcome_of(record.error)},
      {"bytes_in", record.bytes_in},
      {"bytes_out", record.bytes_out},
  }};
  log.write(LogLevel::kInfo, "http", "request", std::span<const LogField>(fields));
}

}  // namespace sluice::telemetry
