#include <algorithm>

#include "http/exchange.h"
#include "http/json/writer.h"

namespace sluice::http {

std::string_view Exchange::param(std::string_view name) const {
  for (const PathParam& param : params_) {
    if (param.name == name) return param.value;
  }
  return {};
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return 422;
    case ErrorCode::kUnauthenticated:
      return 401;
    case ErrorCode::kForbidden:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kTooLarge:
      return 413;
    case ErrorCode::kExhausted:
      return 429;
    case ErrorCode::kCancelled:
      return 499;
    case ErrorCode::kTimeout:
      return 504;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

std::string retry_after_seconds(std::chrono::milliseconds wait) {
  return std::to_string(std::max<std::int64_t>(1, (wait.count() + 999) / 1000));
}

std::string problem_json(int status, const Error& error) {
  std::string out;
  json::Writer(out)
      .begin_object()
      .field("title", reason_phrase(status))
      .field("status", status)
      .field("detail", error.message)
      .field("code", to_string(error.code))
      .end_object();
  return out;
}

void respond_problem(Exchange& exchange, int status, const Error& error, const HeaderList* extra) {
  exchange.error = error;
  HeaderList headers = extra == nullptr ? HeaderList() : *extra;
  if (error.retry_after) headers.set("Retry-After", retry_after_seconds(*error.retry_after));
  exchange.respond({status, "application/problem+json", &headers}, problem_json(status, error));
}

}  // namespace sluice::http
