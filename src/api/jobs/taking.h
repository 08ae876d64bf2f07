// Keeps a worker until there are jobs for it, or for as long as it wants to wait.
#pragma once

#include "api/jobs/lease_request.h"
#include "http/exchange.h"
#include "jobs/desk.h"

namespace sluice::api::jobs {

// Answers with {"leases": [..]}: as soon as there is a job, when `wait` is over, or when the
// process is going to end. What was claimed for a client that has gone meanwhile goes back to its
// queue. `turn` says which callable is asked first, so that none of several is always the last.
void answer_with_leases(http::Exchange& exchange, const sluice::jobs::Desk& desk,
                        TakeRequest request, Duration wait, std::size_t turn);

}  // namespace sluice::api::jobs
