#include "api/generation/refusal.h"
#include "api/ollama/answer.h"
#include "http/json/writer.h"

namespace sluice::api::ollama {

namespace {

constexpr std::string_view kQueueFull =
    "server busy, please try again.  maximum pending requests exceeded";

struct Told {
  int status;
  std::string_view message;
};

Told told(Dialect dialect, const Error& error) {
  const int status = generation::status_of(error.code);
  if (dialect == Dialect::kOllama) {
    return error.code == ErrorCode::kExhausted ? Told{503, kQueueFull}
                                               : Told{status, error.message};
  }
  if (error.code == ErrorCode::kExhausted) return {429, "queue full"};
  // What says when to come back is a refusal; all else that is not there is the engine's failure.
  const bool failed = error.code == ErrorCode::kInternal ||
                      (error.code == ErrorCode::kUnavailable && !error.retry_after);
  return {failed ? 502 : status, error.message};
}

void answer(http::Exchange& exchange, Told told, const Error& error,
            const http::HeaderList* extra) {
  exchange.error = error;
  const http::HeaderList headers = generation::refusal_headers(error, extra);
  exchange.respond({told.status, "application/json", &headers}, error_json(told.message));
}

}  // namespace

std::string error_json(std::string_view message) {
  std::string out;
  json::Writer(out).begin_object().field("error", message).end_object();
  return out;
}

void answer_error(http::Exchange& exchange, int status, const Error& error,
                  const http::HeaderList* extra) {
  answer(exchange, {status, error.message}, error, extra);
}

void answer_error(http::Exchange& exchange, Dialect dialect, const Error& error) {
  answer(exchange, told(dialect, error), error, nullptr);
}

}  // namespace sluice::api::ollama
