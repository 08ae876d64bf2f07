// A job as JSON.
#pragma once

#include <string>
#include <string_view>

#include "jobs/store.h"

namespace sluice::api::jobs {

// {"id": .., "status": .., ..}; with `output` (JSON) as "result" where the job is completed.
void append_job(std::string& out, const sluice::jobs::Job& job, std::string_view output = {});
// {"jobs": [..], "next": "<id>"|null}
void append_page(std::string& out, const sluice::jobs::JobPage& page);

}  // namespace sluice::api::jobs
