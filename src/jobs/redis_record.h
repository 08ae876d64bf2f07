// A job's record as the Redis store's scripts keep it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "jobs/store.h"

namespace sluice::jobs {

// Little-endian, without padding; times in milliseconds since 1970, 0 for none:
//
//   u8  version (1), state, priority, flags (1: in the seed's keys too; 2: a foreign worker has it;
//     4: a foreign worker's result)
//   u32 attempt, revision, failures, lost leases, outages
//   i64 number of submission, created, not before, run at, deadline, lease until, started,
//       finished, expires
//   f64 progress
//   u8  code of the last error; 255: none
//   and after their length as u16 (the last two's: u32): callable, format, tenant, owner, worker,
//   text of the error, what there is of the output, and what most jobs have not (or nothing):
//   batch, idempotency key, metadata (u32), webhook, u32 line of the batch, what its caller calls
//   it
//
// `once` is the owner's idempotency key, or empty. What the store itself says is left out.
// kInvalid when a text is too long.
Result<std::string> new_record(const NewJob& job, std::string_view once);
// Says that a new record's job is in the seed's keys too.
void mark_mirrored(std::string& record);
// Was its result left by a worker of another program?
bool has_foreign_output(std::string_view record);
// None when it is none, or of another version.
std::optional<Job> read_record(std::string id, std::string_view bytes);

}  // namespace sluice::jobs
