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
  const auto trace = record.trace.hex();
  const std::array<LogField, 13> all{{
      {"request_id", record.request_id},
      {"trace_id", record.trace.valid() ? trace.view() : std::string_view()},
      {"client", record.client},
      {"method", record.method},
      {"path", record.path},
      {"api", record.api},
      {"callable", record.callable},
      {"status", record.status},
      {"code", outcome_name(record.error)},
      {"duration_ms", record.took},
      {"outcome", outcome_of(record.error)},
      {"bytes_in", record.bytes_in},
      {"bytes_out", record.bytes_out},
  }};
  std::array<LogField, 13> kept = all;
  std::size_t count = 0;
  for (const auto& field : all) {
    const auto* text = std::get_if<std::string_view>(&field.value);
    if (text == nullptr || !text->empty()) kept[count++] = field;
  }
  log.write(LogLevel::kInfo, "http", "request", std::span<const LogField>(kept.data(), count));
}

}  // namespace sluice::telemetry
