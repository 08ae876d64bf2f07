// Takes a batch in, line by line.
#pragma once

#include <functional>
#include <string>

#include "api/jobs/submission.h"
#include "gateway/mount.h"
#include "http/exchange.h"
#include "jobs/desk.h"

namespace sluice::api::jobs {

// Makes a batch and takes the body of the exchange, whose route streams it. Answers with what
// `accepted` does of the batch once it is sealed, or with an error, and then the batch has failed.
// `reader` and `mount` live as long as the route.
void take_batch(http::Exchange& exchange, const sluice::jobs::Desk& desk,
                const gateway::Mount& mount, SubmissionReader& reader, std::string callable,
                std::function<void(http::Exchange&, const sluice::jobs::Batch&)> accepted);

}  // namespace sluice::api::jobs
