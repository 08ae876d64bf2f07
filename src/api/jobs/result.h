// A job's result alone, as the API gave it for which the call was meant.
#pragma once

#include <string_view>

#include "http/exchange.h"
#include "jobs/store.h"

namespace sluice::api::jobs {

// Of a completed job its output: the whole answer of a call that was to be answered later, JSON of
// the others. Of a failed one its error, with the error's status; 409 for a cancelled one. Of one
// that is not over the job, with 202 and where to ask again.
void respond_result(http::Exchange& exchange, const sluice::jobs::JobView& view,
                    std::string_view prefix);

}  // namespace sluice::api::jobs
