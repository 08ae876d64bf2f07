// Runs a job as a call of its callable.
#pragma once

#include <memory>

#include "base/time.h"
#include "gateway/gateway.h"
#include "jobs/runner.h"

namespace sluice::jobs {

// `local` is the view of the home thread. Everything outlives the runner.
std::unique_ptr<Runner> make_call_runner(const gateway::LocalGateway& local,
                                         const CodecMakers& codecs);

}  // namespace sluice::jobs
