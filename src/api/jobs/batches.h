// Batches: many calls handed in as one file.
//
//   POST   /v1/jobs/batches              JSON Lines, each {callable?, input, custom_id?, deadline?,
//                                        metadata?}; ?callable= for lines that name none -> 202
//   GET    /v1/jobs/batches              newest first; ?limit= ?after=
//   GET    /v1/jobs/batches/{id}         with counts
//   GET    /v1/jobs/batches/{id}/output  JSON Lines: {line, custom_id?, job, output}
//   GET    /v1/jobs/batches/{id}/errors  JSON Lines: {line, custom_id?, job, status, error}
//   DELETE /v1/jobs/batches/{id}         cancels what has not ended
//
// A body is read, checked and stored in pieces. What is accepted (202) ends, whatever happens; an
// upload that breaks off leaves a batch that failed, of which nothing was run. A line that is wrong
// is an entry of the errors, and costs no other.
#pragma once

#include <memory>

#include "base/result.h"
#include "gateway/mount.h"
#include "http/router.h"
#include "jobs/desk.h"

namespace sluice::api::jobs {

// Puts the routes on a router, for one io thread. What is returned must live as long as the router.
Result<std::shared_ptr<const void>> add_batches(http::Router& router, const gateway::Mount& mount,
                                                const sluice::jobs::Desk& desk);

}  // namespace sluice::api::jobs
