#include "jobs/machine.h"

#include <algorithm>

#include "base/format.h"

namespace sluice::jobs {

namespace {

Result<> check_attempt(const Job& job, std::uint32_t attempt) {
  if (is_terminal(job.state)) {
    return fail(ErrorCode::kConflict,
                formatted("job {} is {} already", job.id, to_string(job.state)));
  }
  if (job.state != JobState::kProcessing || job.attempt != attempt) {
    return fail(ErrorCode::kConflict,
                formatted("attempt {} of job {} is over: it lost its lease", attempt, job.id));
  }
  return {};
}

void end(Job& job, JobState state, WallTime now, const JobPolicy& policy) {
  job.state = state;
  job.finished = now;
  job.expires = now + policy.retention;
  job.worker.clear();
  job.lease_until.reset();
  job.not_before.reset();
  job.partial.clear();
  ++job.revision;
}

void back_to_queue(Job& job, std::optional<WallTime> not_before) {
  job.state = JobState::kPending;
  job.worker.clear();
  job.lease_until.reset();
  job.not_before = not_before;
  job.progress = 0;
  job.partial.clear();
  ++job.revision;
}

bool is_late(const Job& job, WallTime now) {
  return job.deadline && *job.deadline <= now;
}
Result<> check_in_time(const Job& job, std::uint32_t attempt, WallTime now) {
  if (auto ok = check_attempt(job, attempt); !ok || !is_late(job, now)) return ok;
  return fail(
      ErrorCode::kConflict,
      formatted("attempt {} of job {} is over: the job's deadline passed", attempt, job.id));
}
WallTime lease_end(const Job& job, WallTime now, Duration lease) {
  return job.deadline ? std::min(*job.deadline, now + lease) : now + lease;
}
void end_late(Job& job, WallTime now, const JobPolicy& policy) {
  job.error = timed_out(job.state == JobState::kProcessing ? "its deadline passed while it was run"
                        : job.attempt > 0 ? "its deadline passed before it could be run again"
                                          : "its deadline passed before a worker was free");
  end(job, JobState::kFailed, now, policy);
}

}  // namespace

bool claimable(const Job& job, WallTime now) {
  return job.state == JobState::kPending && !delayed(job, now) && !is_late(job, now);
}

void claim(Job& job, WallTime now, std::string_view worker, const JobPolicy& policy) {
  job.state = JobState::kProcessing;
  ++job.attempt;
  job.worker = worker;
  job.started = now;
  job.lease_until = lease_end(job, now, policy.lease);
  job.not_before.reset();
  ++job.revision;
}

Result<> extend(Job& job, std::uint32_t attempt, WallTime now, Duration lease) {
  auto ok = check_in_time(job, attempt, now);
  if (ok) job.lease_until = lease_end(job, now, lease);
  return ok;
}

Result<> report_progress(Job& job, std::uint32_t attempt, const Progress& progress) {
  if (auto ok = check_attempt(job, attempt); !ok) return ok;
  const double share = std::clamp(progress.share.value_or(job.progress), 0.0, 1.0);
  if (share == job.progress && (!progress.partial || *progress.partial == job.partial)) return {};
  job.progress = share;
  if (progress.partial) job.partial = *progress.partial;
  ++job.revision;
  return {};
}

Result<> complete(Job& job, std::uint32_t attempt, WallTime now, const JobPolicy& policy) {
  if (auto ok = check_in_time(job, attempt, now); !ok) return ok;
  end(job, JobState::kCompleted, now, policy);
  job.progress = 1;
  job.error.reset();
  return {};
}

Result<> fail_attempt(Job& job, std::uint32_t attempt, WallTime now, const Error& error,
                      bool worth_retrying, double random, const JobPolicy& policy) {
  if (auto ok = check_attempt(job, attempt); !ok) return ok;
  ++job.returns.failures;
  job.error = error;
  if (!worth_retrying || job.returns.failures > policy.retries) {
    end(job, JobState::kFailed, now, policy);
  } else if (is_late(job, now)) {
    end_late(job, now, policy);
  } else {
    back_to_queue(job, now + backoff(job.returns.failures, random, policy));
  }
  return {};
}

Result<> requeue(Job& job, std::uint32_t attempt, WallTime now, Cause cause,
                 const JobPolicy& policy) {
  if (auto ok = check_attempt(job, attempt); !ok) return ok;
  if (cause == Cause::kOutage) ++job.returns.outages;
  if (is_late(job, now)) {
    end_late(job, now, policy);
  } else if (cause == Cause::kOutage && job.returns.outages > kOutagesAtHead) {
    back_to_queue(job, now + time_aside(job.returns.outages, policy));
  } else {
    back_to_queue(job, std::nullopt);
  }
  return {};
}

Result<> cancel(Job& job, WallTime now, const JobPolicy& policy) {
  if (job.state == JobState::kCancelled) return {};
  if (is_terminal(job.state)) {
    return fail(ErrorCode::kConflict,
                formatted("job {} is {} already", job.id, to_string(job.state)));
  }
  end(job, JobState::kCancelled, now, policy);
  return {};
}

bool lose_lease(Job& job, WallTime now, const JobPolicy& policy) {
  if (job.state != JobState::kProcessing || !job.lease_until || *job.lease_until > now) {
    return false;
  }
  if (is_late(job, now)) {
    end_late(job, now, policy);
    return true;
  }
  ++job.returns.lost_leases;
  if (job.returns.lost_leases >= policy.poison_limit) {
    job.error = internal(
        formatted("{} workers in turn stopped while they had this job; it is not given to another",
                  job.returns.lost_leases));
    end(job, JobState::kFailed, now, policy);
  } else {
    back_to_queue(job, std::nullopt);
  }
  return true;
}

bool pass_deadline(Job& job, WallTime now, const JobPolicy& policy) {
  if (job.state != JobState::kPending || !is_late(job, now)) return false;
  end_late(job, now, policy);
  return true;
}

Duration backoff(std::uint32_t failures, double random, const JobPolicy& policy) {
  const auto doublings = std::min<std::uint32_t>(failures == 0 ? 0 : failures - 1, 30);
  const std::int64_t factor = std::int64_t{1} << doublings;
  const bool beyond = policy.retry_base > policy.retry_longest / factor;
  const Duration full = beyond ? policy.retry_longest : Duration(policy.retry_base * factor);
  return full - std::chrono::duration_cast<Duration>(full * (random / 2));
}

Duration time_aside(std::uint32_t outages, const JobPolicy& policy) {
  if (outages <= kOutagesAtHead) return Duration::zero();
  return std::min(kLongestAside, backoff(outages - kOutagesAtHead, 0, policy));
}

Verdict judge(const Error& error) {
  if (error.detail == ErrorDetail::kNotAway) return Verdict::kTransient;
  switch (error.code) {
    case ErrorCode::kInvalid:
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kForbidden:
    case ErrorCode::kNotFound:
    case ErrorCode::kConflict:
    case ErrorCode::kTooLarge:
      return Verdict::kPermanent;
    case ErrorCode::kTimeout:
    case ErrorCode::kInternal:
      return Verdict::kTransient;
    case ErrorCode::kExhausted:
    case ErrorCode::kUnavailable:
      return Verdict::kOutage;
    case ErrorCode::kCancelled:
      break;
  }
  return Verdict::kReleased;
}

}  // namespace sluice::jobs
