#include "api/generation/refusal.h"

#include <string>

#include "http/exchange.h"

namespace sluice::api::generation {

http::HeaderList refusal_headers(const Error& error, const http::HeaderList* extra) {
  http::HeaderList headers = extra == nullptr ? http::HeaderList() : *extra;
  if (error.retry_after) {
    headers.set("Retry-After", http::retry_after_seconds(*error.retry_after));
    headers.set("retry-after-ms", std::to_string(error.retry_after->count()));
  }
  return headers;
}

int status_of(ErrorCode code) {
  if (code == ErrorCode::kInvalid) return 400;
  if (code == ErrorCode::kTimeout) return 408;
  return http::status_of(code);
}

}  // namespace sluice::api::generation
