// What may happen to a job: a pure state machine over its record. Every store keeps to it, within
// one transaction or script for each change.
//
//   pending --claim--> processing --complete--> completed
//      ^                   |------fail-----> failed        (not worth another attempt, or too many)
//      |---fail, requeue---|
//      |---lost lease------|------poison---> failed
//   pending, processing --cancel--> cancelled
//   pending, processing --overdue--> failed
//
// No lease goes beyond the job's deadline: what is run then is over, like what waits.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "jobs/job.h"

namespace sluice::jobs {

// How long things last and how often they are tried; the same for all jobs of a store.
struct JobPolicy {
  Duration lease = std::chrono::seconds(30);
  // Failures of the call: so many more attempts, after base x 2^n, at most `longest`, of which a
  // random half is taken off so that what failed together does not come back together.
  std::uint32_t retries = 3;
  Duration retry_base = std::chrono::seconds(1);
  Duration retry_longest = std::chrono::minutes(5);
  // A job whose workers died so often is what killed them.
  std::uint32_t poison_limit = 3;
  Duration retention = std::chrono::hours(24);  // from the terminal state

  bool operator==(const JobPolicy&) const = default;
};

// So many outages bring a job back to the head of its queue. With more it may be the job itself
// that breaks its backend: it stands aside for as long as after failures, at most this long, and
// lets those behind it be tried.
inline constexpr std::uint32_t kOutagesAtHead = 6;
inline constexpr Duration kLongestAside = std::chrono::minutes(1);

// What holds a lease shows this with all that it writes.
struct Ticket {
  std::string id;
  std::uint32_t attempt = 0;
  bool operator==(const Ticket&) const = default;
};

// Is it due and does it wait? Then it may be claimed.
bool claimable(const Job& job, WallTime now);
// When a pending job that is not due will be.
inline bool delayed(const Job& job, WallTime now) {
  return job.state == JobState::kPending && job.not_before && *job.not_before > now;
}

// Each changes the record, or says why not and leaves it as it was. Those of a worker fail with
// kConflict when the attempt is not the one under way: another has the job, or it is over.
void claim(Job& job, WallTime now, std::string_view worker, const JobPolicy& policy);
Result<> extend(Job& job, std::uint32_t attempt, WallTime now, Duration lease);
Result<> report_progress(Job& job, std::uint32_t attempt, const Progress& progress);
Result<> complete(Job& job, std::uint32_t attempt, WallTime now, const JobPolicy& policy);
// `random` in [0, 1) spreads the next attempt.
Result<> fail_attempt(Job& job, std::uint32_t attempt, WallTime now, const Error& error,
                      bool worth_retrying, double random, const JobPolicy& policy);
// Back to the head of the queue: the backend was away (which is counted, but never too often; see
// kOutagesAtHead), or the worker stops.
enum class Cause : std::uint8_t { kOutage, kReleased };
Result<> requeue(Job& job, std::uint32_t attempt, WallTime now, Cause cause,
                 const JobPolicy& policy);
// A job that is over already is left as it is, and says so: kConflict, unless it is cancelled.
Result<> cancel(Job& job, WallTime now, const JobPolicy& policy);

// What time brings. True: the record changed. pass_deadline() is of what waits; the lease of what
// is run ends with the deadline, and lose_lease() tells the two apart.
bool lose_lease(Job& job, WallTime now, const JobPolicy& policy);
bool pass_deadline(Job& job, WallTime now, const JobPolicy& policy);

// When attempt `failures` + 1 may begin.
Duration backoff(std::uint32_t failures, double random, const JobPolicy& policy);
// How long a job stands aside after so many outages.
Duration time_aside(std::uint32_t outages, const JobPolicy& policy);

// What an error that a call ended with says about its job.
enum class Verdict : std::uint8_t {
  kPermanent,  // it can never succeed as it is
  kTransient,  // another attempt may succeed
  kOutage,     // it was not the call's fault
  kReleased    // we stopped it ourselves
};
Verdict judge(const Error& error);

}  // namespace sluice::jobs
