// The Idempotency-Key of a request that makes a job.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/request_parser.h"
#include "jobs/store.h"

namespace sluice::api::jobs {

// What an Idempotency-Key stands for: the header's value without its quotes; empty where there is
// none; kInvalid when it is empty or too long.
Result<std::string> idempotency_key(const http::RequestHead& head, std::size_t longest);
// Gives the job the request's key, if it has one, and the digest of what was asked under it.
Result<> take_idempotency_key(const http::RequestHead& head, std::size_t longest,
                              std::string_view asked, sluice::jobs::NewJob& job);

}  // namespace sluice::api::jobs
