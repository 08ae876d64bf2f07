// The line that is written for each request.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "telemetry/log.h"
#include "telemetry/trace.h"

namespace sluice::telemetry {

// Refers to its texts; lives only as long as the call that takes it. Empty texts are left out.
struct AccessRecord {
  std::string_view request_id;
  TraceId trace;
  std::string_view client;  // address
  std::string_view key;     // public id of the API key
  std::string_view tenant;  // of the key
  std::string_view method;
  std::string_view path;  // without its query, which may hold what is secret
  std::string_view api;
  std::string_view callable;
  int status = 0;                    // of HTTP, or of gRPC
  std::optional<ErrorCode> error{};  // nothing when all went well
  Duration took{};
  std::uint64_t bytes_in = 0;   // of the body
  std::uint64_t bytes_out = 0;  // of the body
};

// How it ended, in one word: ok, refused (the caller was wrong, or over a bound), cancelled,
// timeout, failed.
std::string_view outcome_of(std::optional<ErrorCode> error);

// Component "http" and action "request", at INFO, where log.access_enabled().
void log_access(Log& log, const AccessRecord& record);

}  // namespace sluice::telemetry
