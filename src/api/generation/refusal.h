// What an answer that refuses a call says of when to come back.
#pragma once

#include "base/error.h"
#include "http/headers.h"

namespace sluice::api::generation {

// Retry-After in seconds, rounded up, and `retry-after-ms`, which clients of OpenAI's API read.
// With the fields of `extra`, if there are any.
http::HeaderList refusal_headers(const Error& error, const http::HeaderList* extra = nullptr);

// 400 for what is wrong with a request, 408 for what could not be done in time; else as
// http::status_of() has it.
int status_of(ErrorCode code);

}  // namespace sluice::api::generation
