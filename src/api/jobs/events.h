// What becomes of a job, as server-sent events (HTML, section 9.2).
#pragma once

#include <string>

#include "http/exchange.h"
#include "jobs/desk.h"

namespace sluice::api::jobs {

// One event for each state that is seen, with the job as its data and the record's revision as its
// id; the last one tells of the end, with the result, and then the stream ends. A reader that comes
// back with Last-Event-ID gets what is new since. A comment every 15 s keeps the connection.
//
// `first` is the job as it was read, which this client may see.
void stream_events(http::Exchange& exchange, const sluice::jobs::Desk& desk,
                   const sluice::jobs::JobView& first);

}  // namespace sluice::api::jobs
