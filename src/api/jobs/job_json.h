// A job as JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/store.h"

namespace sluice::api::jobs {

// What the job's output is as JSON; none where there is none, or it is something else.
std::optional<std::string> json_result(const sluice::jobs::Job& job, std::string_view output);
// {"id": .., "status": .., ..}; with `output` as "result" where the job is completed and it is
// JSON.
void append_job(std::string& out, const sluice::jobs::Job& job, std::string_view output = {});
// {"id": .., "status": .., "lines": .., "counts": {..}, ..}
void append_batch(std::string& out, const sluice::jobs::Batch& batch);
// {"batches": [..], "next": "<id>"|null}
void append_batches(std::string& out, const std::vector<sluice::jobs::Batch>& page, bool more);
// {"leases": [{"job": .., "attempt": .., "input": .., ..}]}
void append_leases(std::string& out, const std::vector<sluice::jobs::Claimed>& taken);
// {"jobs": [..], "next": "<id>"|null}
void append_page(std::string& out, const sluice::jobs::JobPage& page);

}  // namespace sluice::api::jobs
