#include <algorithm>
#include <format>

#include "http/exchange.h"

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

namespace {
// RFC 8259 strings; bytes that are not UTF-8 never come here (messages quote ASCII only or are
// checked at the edge), so only quotes, backslashes and control characters need care.
std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += std::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out += '"';
}
}  // namespace

std::string problem_json(int status, const Error& error) {
  return std::format(R"({{"title":{},"status":{},"detail":{},"code":"{}"}})",
                     json_string(reason_phrase(status)), status, json_string(error.message),
                     to_string(error.code));
}

void respond_problem(Exchange& exchange, int status, const Error& error, const HeaderList* extra) {
  exchange.error = error.code;
  HeaderList headers = extra == nullptr ? HeaderList() : *extra;
  if (error.retry_after) headers.set("Retry-After", retry_after_seconds(*error.retry_after));
  exchange.respond({status, "application/problem+json", &headers}, problem_json(status, error));
}

}  // namespace sluice::http
