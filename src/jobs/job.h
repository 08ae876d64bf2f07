// A call that outlives its request, as everybody who deals with it sees it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"

namespace sluice::jobs {

// From pending to processing and back, until one of the last three, which never changes again.
enum class JobState : std::uint8_t { kPending, kProcessing, kCompleted, kFailed, kCancelled };
inline constexpr std::size_t kJobStateCount = 5;
std::string_view to_string(JobState state);  // "pending", ...
std::optional<JobState> parse_job_state(std::string_view name);
constexpr bool is_terminal(JobState state) {
  return state >= JobState::kCompleted;
}

// Shares of a queue, not strict: see order.h.
enum class Priority : std::uint8_t { kHigh, kNormal, kLow };
inline constexpr std::size_t kPriorityCount = 3;
std::string_view to_string(Priority priority);  // "high", ...
std::optional<Priority> parse_priority(std::string_view name);

// How often a job came back, by cause. Each cause has a bound of its own: a model that fails says
// something of the job, a worker that dies perhaps, a backend that is away nothing.
struct Returns {
  std::uint32_t failures = 0;
  std::uint32_t lost_leases = 0;
  std::uint32_t outages = 0;
  bool operator==(const Returns&) const = default;
};

// Times are the store's, to the millisecond; none where it did not happen or was not asked for.
struct Job {
  // --- said when it was handed in
  std::string id;        // at most kMaxIdBytes of [A-Za-z0-9_-]
  std::string callable;  // whose queue it waits in
  std::string format;    // how input and output are written, and which version of that: "infer/1"
  Priority priority = Priority::kNormal;
  std::string tenant;      // takes turns with others
  std::string owner;       // the key it belongs to; empty where there are no keys
  std::string batch;       // the batch it is a line of; empty: none
  std::uint32_t line = 0;  // in the batch, from 1
  std::string custom_id;   // what its batch's caller calls it
  std::string metadata;    // JSON of the caller's; empty: none
  std::string webhook;     // where to tell of its end; empty: nowhere
  WallTime created{};
  std::optional<WallTime> run_at;    // not before
  std::optional<WallTime> deadline;  // worthless after

  // --- what became of it
  JobState state = JobState::kPending;
  std::uint32_t attempt = 0;   // of the last claim; what is written under an earlier one is refused
  std::uint32_t revision = 1;  // grows with every change that can be seen
  Returns returns;
  std::string worker;  // who has it, while it is processing
  std::optional<WallTime> lease_until;
  std::optional<WallTime> not_before;  // when it may be claimed again, after a failure or run_at
  std::optional<WallTime> started;     // the last attempt
  std::optional<WallTime> finished;
  std::optional<WallTime> expires;  // when record and result go
  double progress = 0;              // 0 to 1, as its worker says
  std::string partial;              // what it has of the output while it is run, as JSON; or empty
  std::optional<Error> error;       // of the last failure

  bool operator==(const Job&) const = default;
};

// What a worker says of an attempt that goes on; none: as it was.
struct Progress {
  std::optional<double> share;  // 0 to 1
  std::optional<std::string> partial;
};

// Of the partial output: it is read and written with the record.
inline constexpr std::size_t kMaxPartialBytes = 64UL * 1024;

inline constexpr std::size_t kMaxIdBytes = 64;
// Is this an id at all? What is not names no job, in any store.
bool is_job_id(std::string_view id);

}  // namespace sluice::jobs
