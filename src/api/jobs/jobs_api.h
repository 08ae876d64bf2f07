// Jobs over HTTP: hand a call in, go away, come back for the answer.
//
//   POST   /v1/jobs              {callable, input, priority?, run_at?, deadline?, metadata?,
//                                webhook?} -> 202
//   GET    /v1/jobs              newest first; ?status= ?callable= ?limit= ?after=
//   GET    /v1/jobs/{id}         ?wait=20s or Prefer: wait=20: answers when it ends, or then
//   GET    /v1/jobs/{id}/result  its result alone; ?wait= as above
//   DELETE /v1/jobs/{id}         cancels
//   POST   /v1/jobs/{id}/retry   a failed one once more, as a new job
//   GET    /v1/jobs/{id}/events  server-sent events; Last-Event-ID resumes
//   any call with Prefer: respond-async, see later.h
//   POST   /v1/leases ...        workers in other programs, see leases.h
//   POST   /v1/jobs/batches ..   many at once, see batches.h
//   GET    /v1/queues, POST /v1/queues/{callable}/pause and /resume
//
// Errors are application/problem+json.
#pragma once

#include <memory>

#include "base/result.h"
#include "gateway/mount.h"
#include "http/router.h"
#include "jobs/desk.h"

namespace sluice::api::jobs {

// Puts the routes on a router, for one io thread. What is returned must live as long as the router.
Result<std::shared_ptr<const void>> add_jobs(http::Router& router, const gateway::Mount& mount,
                                             const sluice::jobs::Desk& desk);

}  // namespace sluice::api::jobs
