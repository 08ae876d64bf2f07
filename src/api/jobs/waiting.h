// Keeps a caller until its job has ended, or for as long as it wants to wait.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "http/exchange.h"
#include "http/query.h"
#include "jobs/desk.h"

namespace sluice::api::jobs {

using Answer = std::move_only_function<void(http::Exchange&, const Result<sluice::jobs::JobView>&)>;

// How long this caller wants to wait: ?wait=20s, else Prefer: wait=20 (RFC 7240); none: not at all.
// At most `longest`.
Result<std::optional<Duration>> wanted_wait(const http::RequestHead& head, const http::Query& query,
                                            Duration longest);

// Asks the store for the job, now and whenever there is news of it, and answers when it has ended,
// when `wait` is over, or when the client has gone; at once with kNotFound where the caller may not
// see it.
void answer_when_ended(http::Exchange& exchange, const sluice::jobs::Desk& desk, std::string id,
                       Duration wait, Answer answer);

}  // namespace sluice::api::jobs
