#include "jobs/job_row.h"

#include <algorithm>

#include "jobs/machine.h"

namespace sluice::jobs {

namespace {

std::optional<std::int64_t> to_column(const std::optional<WallTime>& at) {
  if (!at) return std::nullopt;
  return to_ms_since_epoch(*at);
}
std::optional<WallTime> time_at(const sqlite::Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return from_ms_since_epoch(row.integer(column));
}
template <class Enum>
Enum enum_at(const sqlite::Statement& row, int column) {
  return static_cast<Enum>(row.integer(column));
}

JobState to_job_state(RowState state) {
  switch (state) {
    case RowState::kReady:
    case RowState::kDelayed:
    case RowState::kHeld:
      break;
    case RowState::kProcessing:
      return JobState::kProcessing;
    case RowState::kCompleted:
      return JobState::kCompleted;
    case RowState::kFailed:
      return JobState::kFailed;
    case RowState::kCancelled:
      return JobState::kCancelled;
  }
  return JobState::kPending;
}

}  // namespace

RowState row_state(const Job& job, WallTime now) {
  switch (job.state) {
    case JobState::kPending:
      break;
    case JobState::kProcessing:
      return RowState::kProcessing;
    case JobState::kCompleted:
      return RowState::kCompleted;
    case JobState::kFailed:
      return RowState::kFailed;
    case JobState::kCancelled:
      return RowState::kCancelled;
  }
  return delayed(job, now) ? RowState::kDelayed : RowState::kReady;
}

Job read_job(const sqlite::Statement& row) {
  Job job;
  int column = 1;
  Uuid id;
  std::ranges::copy(row.blob(column++).substr(0, id.bytes.size()), id.bytes.begin());
  job.id = to_string(id);
  job.callable = row.text(column++);
  job.format = row.text(column++);
  job.priority = enum_at<Priority>(row, column++);
  job.tenant = row.text(column++);
  job.owner = row.text(column++);
  job.batch = row.text(column++);
  job.metadata = row.text(column++);
  job.webhook = row.text(column++);
  job.created = from_ms_since_epoch(row.integer(column++));
  job.run_at = time_at(row, column++);
  job.deadline = time_at(row, column++);
  job.line = static_cast<std::uint32_t>(row.integer(column++));
  job.custom_id = row.text(column++);

  job.state = to_job_state(enum_at<RowState>(row, column++));
  job.attempt = static_cast<std::uint32_t>(row.integer(column++));
  job.revision = static_cast<std::uint32_t>(row.integer(column++));
  job.returns.failures = static_cast<std::uint32_t>(row.integer(column++));
  job.returns.lost_leases = static_cast<std::uint32_t>(row.integer(column++));
  job.returns.outages = static_cast<std::uint32_t>(row.integer(column++));
  job.worker = row.text(column++);
  job.lease_until = time_at(row, column++);
  job.not_before = time_at(row, column++);
  job.started = time_at(row, column++);
  job.finished = time_at(row, column++);
  job.expires = time_at(row, column++);
  job.progress = row.real(column++);
  if (!row.is_null(column)) {
    job.error = Error{enum_at<ErrorCode>(row, column), std::string(row.text(column + 1))};
  }
  job.partial = row.text(column + 2);
  return job;
}

void bind_fixed(sqlite::Statement& s, int first, const Job& job, const Uuid& id) {
  s.bind_blob(first++, id.bytes);
  s.bind(first++, std::string_view(job.callable));
  s.bind(first++, std::string_view(job.format));
  s.bind(first++, static_cast<std::int64_t>(job.priority));
  s.bind(first++, std::string_view(job.tenant));
  s.bind(first++, std::string_view(job.owner));
  s.bind(first++, std::string_view(job.batch));
  s.bind(first++, std::string_view(job.metadata));
  s.bind(first++, std::string_view(job.webhook));
  s.bind(first++, to_ms_since_epoch(job.created));
  s.bind(first++, to_column(job.run_at));
  s.bind(first++, to_column(job.deadline));
  s.bind(first++, std::int64_t{job.line});
  s.bind(first, std::string_view(job.custom_id));
}

void bind_changing(sqlite::Statement& s, int first, const Job& job, RowState state) {
  s.bind(first++, static_cast<std::int64_t>(state));
  s.bind(first++, std::int64_t{job.attempt});
  s.bind(first++, std::int64_t{job.revision});
  s.bind(first++, std::int64_t{job.returns.failures});
  s.bind(first++, std::int64_t{job.returns.lost_leases});
  s.bind(first++, std::int64_t{job.returns.outages});
  s.bind(first++, std::string_view(job.worker));
  s.bind(first++, to_column(job.lease_until));
  s.bind(first++, to_column(job.not_before));
  s.bind(first++, to_column(job.started));
  s.bind(first++, to_column(job.finished));
  s.bind(first++, to_column(job.expires));
  s.bind(first++, job.progress);
  if (job.error) {
    s.bind(first, static_cast<std::int64_t>(job.error->code));
    s.bind(first + 1, std::string_view(job.error->message));
  } else {
    s.bind_null(first);
    s.bind_null(first + 1);
  }
  s.bind(first + 2, std::string_view(job.partial));
}

}  // namespace sluice::jobs
