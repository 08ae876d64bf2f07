// A classifier whose answers are fetched later, behind the interface of the asynchronous pattern:
//
//   GET    /health           the state of each component
//   GET    /metadata         what the model takes and gives, as TensorFlow Serving says it
//   POST   /predict          {"data": [[..]], "priority"?: "high"} -> {"job_id": ".."}
//   POST   /predict/test     the same with the sample
//   GET    /job/{job_id}     {"job_id", "status", "result"?, "error"?}
//   DELETE /job/{job_id}     cancels
//   GET    /jobs             newest first; ?status= ?limit= ?after=
#pragma once

#include <memory>
#include <string>

#include "gateway/mount.h"
#include "http/router.h"
#include "jobs/desk.h"
#include "services/async_iris/options.h"

namespace sluice::async_iris {

// For one io thread. `model`: what /health calls that which answers for the target. What is
// returned must live as long as the router.
Result<std::shared_ptr<const void>> add_service(http::Router& router, const gateway::Mount& mount,
                                                const AsyncIrisOptions& options,
                                                const jobs::Desk& desk, std::string model);

}  // namespace sluice::async_iris
