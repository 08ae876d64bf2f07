// A job's record as a row of the embedded store.
#pragma once

#include <optional>
#include <string>

#include "base/uuid.h"
#include "jobs/job.h"
#include "sqlite/connection.h"

namespace sluice::jobs {

// What the column `state` holds: the job's state, and of those that are pending whether they wait
// for their time, or for the rest of their batch.
enum class RowState : std::uint8_t {
  kReady,
  kProcessing,
  kCompleted,
  kFailed,
  kCancelled,
  kDelayed,
  kHeld  // pending, a line of a batch that is not complete
};
RowState row_state(const Job& job, WallTime now);

// The columns in the order in which read_job() and bind_new() know them; `seq` stands before.
inline constexpr std::string_view kFixedColumns =
    "id, callable, format, priority, tenant, owner, batch, metadata, webhook, created, run_at, "
    "deadline, line, custom_id";
inline constexpr int kFixedCount = 14;
inline constexpr std::string_view kChangingColumns =
    "state, attempt, revision, failures, lost_leases, outages, worker, lease_until, not_before, "
    "started, finished, expires, progress, error_code, error_text, partial";
inline constexpr int kChangingCount = 16;

// From a row that starts with seq, the fixed and the changing columns.
Job read_job(const sqlite::Statement& row);
// Binds them from parameter `first` on. The job must stay until the statement is reset.
void bind_fixed(sqlite::Statement& statement, int first, const Job& job, const Uuid& id);
void bind_changing(sqlite::Statement& statement, int first, const Job& job, RowState state);

inline std::int64_t to_ms_since_epoch(WallTime at) {
  return std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch()).count();
}
inline WallTime from_ms_since_epoch(std::int64_t ms) {
  return WallTime(std::chrono::milliseconds(ms));
}

}  // namespace sluice::jobs
