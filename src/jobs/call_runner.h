// Runs a job as a call of its callable.
#pragma once

#include <memory>

#include "base/time.h"
#include "gateway/gateway.h"
#include "jobs/runner.h"

namespace sluice::jobs {

// `local` is the view of the home thread. `store` is told what there is of the output of calls that
// give parts. Everything outlives the runner.
std::unique_ptr<Runner> make_call_runner(const gateway::LocalGateway& local,
                                         const CodecMakers& codecs, Store& store);

}  // namespace sluice::jobs
