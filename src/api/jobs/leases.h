// Workers in other programs: whoever speaks HTTP can be a callable.
//
//   POST /v1/leases                  {callable, max?, worker?, lease?} -> {"leases": [..]};
//                                    ?wait=20s or Prefer: wait=20 waits for a job
//   POST /v1/leases/{job}/extend     {attempt, lease?}     keeps it for as long from now
//   POST /v1/leases/{job}/progress   {attempt, progress}   0 to 1
//   POST /v1/leases/{job}/complete   {attempt, output}     any JSON
//   POST /v1/leases/{job}/fail       {attempt, error, retry?}
//   POST /v1/leases/{job}/release    {attempt}             back to the head of its queue
//
// `attempt` is the fencing token: once the lease has gone to another, or the job is over, all of
// them answer 409 with "job_status", and the worker drops what it has. One that says the same end
// twice, since it did not hear the answer, gets the same answer twice.
#pragma once

#include <memory>

#include "base/result.h"
#include "gateway/mount.h"
#include "http/router.h"
#include "jobs/desk.h"

namespace sluice::api::jobs {

// Puts the routes on a router, for one io thread. What is returned must live as long as the router.
Result<std::shared_ptr<const void>> add_leases(http::Router& router, const gateway::Mount& mount,
                                               const sluice::jobs::Desk& desk);

}  // namespace sluice::api::jobs
