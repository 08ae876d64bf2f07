// A job's record as the Redis store's scripts keep it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "jobs/store.h"

namespace sluice::jobs {

// Little-endian, without padding; times in milliseconds since 1970, 0 for none. In three parts, so
// that scripts change a plain job by putting another first and last part around the middle, which
// never changes:
//
//   u8  version (2), state, flags (1: in the seed's keys too; 2: a foreign worker has it; 4: a
//       foreign worker's result), code of the last error (255: none)
//   u32 attempt, revision, failures, lost leases, outages
//   i64 lease until, started, finished, expires, not before
//   f64 progress
//
//   i64 number of submission, created
//   u8  priority, marks (1: a change to it is one to other keys than every job's, since it has a
//       deadline, an idempotency key, a webhook or a line of a batch)
//   u32 bytes of the texts of this part
//   i64 run at, deadline
//   and after their length as u16: callable, format, tenant, owner, and what most jobs have not (or
//   nothing; length as u32): batch, idempotency key, metadata (u32), webhook, u32 line of the
//   batch, what its caller calls it
//
//   worker, text of the error, what there is of the output (u32)
//
// `once` is the owner's idempotency key, or empty. What the store itself says is left out.
// kInvalid when a text is too long.
Result<std::string> new_record(const NewJob& job, std::string_view once);
// Of a new record, what a script cannot know: what comes after the moment of its creation.
std::string_view told_of(std::string_view new_record);
// Was its result left by a worker of another program?
bool has_foreign_output(std::string_view record);
// None when it is none, or of another version.
std::optional<Job> read_record(std::string id, std::string_view bytes);

}  // namespace sluice::jobs
