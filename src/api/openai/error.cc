#include "api/generation/refusal.h"
#include "api/openai/answer.h"
#include "http/json/writer.h"

namespace sluice::api::openai {

namespace {

struct Kind {
  std::string_view type;
  std::string_view code;  // empty: null
};

Kind kind_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnauthenticated:
      return {"invalid_request_error", "invalid_api_key"};
    case ErrorCode::kForbidden:
      return {"permission_error", "forbidden"};
    case ErrorCode::kNotFound:
      return {"invalid_request_error", "not_found"};
    case ErrorCode::kTooLarge:
      return {"invalid_request_error", "request_too_large"};
    case ErrorCode::kExhausted:
      return {"rate_limit_error", "rate_limit_exceeded"};
    case ErrorCode::kTimeout:
      return {"timeout_error", "timeout"};
    case ErrorCode::kUnavailable:
      return {"server_error", "unavailable"};
    case ErrorCode::kCancelled:
      return {"server_error", "cancelled"};
    case ErrorCode::kInternal:
      return {"server_error", "internal_error"};
    case ErrorCode::kInvalid:
    case ErrorCode::kConflict:
      break;
  }
  return {"invalid_request_error", {}};
}

void answer(http::Exchange& exchange, int status, const Error& error, std::string_view param,
            std::string_view code, const http::HeaderList* extra) {
  exchange.error = error;
  const http::HeaderList headers = generation::refusal_headers(error, extra);
  exchange.respond({status, "application/json", &headers}, error_json(error, param, code));
}

}  // namespace

std::string error_json(const Error& error, std::string_view param, std::string_view code) {
  const Kind kind = kind_of(error.code);
  if (code.empty() && error.detail == ErrorDetail::kContextLength) code = "context_length_exceeded";
  if (code.empty()) code = kind.code;
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("error").begin_object().field("message", error.message);
  writer.field("type", kind.type).key("param");
  param.empty() ? writer.null() : writer.value(param);
  writer.key("code");
  code.empty() ? writer.null() : writer.value(code);
  writer.end_object().end_object();
  return out;
}

std::string_view param_of(const Error& error, std::string_view input) {
  return error.detail == ErrorDetail::kContextLength ? input : std::string_view();
}

void answer_error(http::Exchange& exchange, int status, const Error& error,
                  const http::HeaderList* extra) {
  answer(exchange, status, error, {}, {}, extra);
}

void answer_error(http::Exchange& exchange, const Error& error, std::string_view param,
                  std::string_view code) {
  answer(exchange, generation::status_of(error.code), error, param, code, nullptr);
}

}  // namespace sluice::api::openai
