// An inference as the input and output of a job: the JSON of the protocol's REST form.
#pragma once

#include <memory>

#include "jobs/runner.h"

namespace sluice::api::open_inference {

// Format "infer/1": {"inputs": [..], "outputs": [..]} in, {"model_name": .., "outputs": [..]} out.
std::unique_ptr<sluice::jobs::Codec> make_job_codec();

}  // namespace sluice::api::open_inference
