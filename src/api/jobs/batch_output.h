// The lines of a batch that have ended, as JSON Lines.
#pragma once

#include <string>

#include "http/exchange.h"
#include "jobs/desk.h"

namespace sluice::api::jobs {

// {"line": 1, "custom_id": .., "job": .., "output": ..} of a completed one, else {.., "status": ..,
// "error": {..}}.
void append_line(std::string& out, const sluice::jobs::JobView& view);

// Streams them in the order of the file: the completed ones or the others. Of a batch that goes on
// still, those that have ended by now. One page of them is in memory at a time.
void stream_lines(http::Exchange& exchange, const sluice::jobs::Desk& desk, std::string id,
                  bool completed);

}  // namespace sluice::api::jobs
