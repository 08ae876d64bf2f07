#include "jobs/machine.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/random.h"

namespace sluice::jobs {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr WallTime kNow{seconds(1'700'000'000)};
const JobPolicy kPolicy;

Job pending() {
  return {.id = "a", .callable = "iris", .created = kNow};
}
Job processing(std::uint32_t attempt = 1) {
  Job job = pending();
  for (std::uint32_t i = 0; i < attempt; ++i) {
    job.state = JobState::kPending;
    claim(job, kNow, "w", kPolicy);
  }
  return job;
}

TEST(JobMachine, GivesEachClaimANewAttemptAndALease) {
  Job job = pending();
  claim(job, kNow, "w1", kPolicy);
  EXPECT_EQ(job.state, JobState::kProcessing);
  EXPECT_EQ(job.attempt, 1U);
  EXPECT_EQ(job.worker, "w1");
  EXPECT_EQ(job.lease_until, kNow + kPolicy.lease);
  EXPECT_EQ(job.started, kNow);
}

TEST(JobMachine, RefusesEveryWriteOfAnAttemptThatIsNotTheOneUnderWay) {
  const std::pair<const char*, std::function<Result<>(Job&, std::uint32_t)>> writes[] = {
      {"extend", [](Job& j, auto a) { return extend(j, a, kNow, seconds(30)); }},
      {"progress",
       [](Job& j, auto a) { return report_progress(j, a, {.share = 0.5, .partial = {}}); }},
      {"complete", [](Job& j, auto a) { return complete(j, a, kNow, kPolicy); }},
      {"fail",
       [](Job& j, auto a) { return fail_attempt(j, a, kNow, internal("x"), true, 0, kPolicy); }},
      {"requeue", [](Job& j, auto a) { return requeue(j, a, kNow, Cause::kOutage, kPolicy); }},
  };
  Job lost = processing(2);
  Job again = pending();
  again.attempt = 1;
  Job over = processing();
  ASSERT_TRUE(complete(over, 1, kNow, kPolicy));
  Job cancelled_job = processing();
  ASSERT_TRUE(cancel(cancelled_job, kNow, kPolicy));
  for (const auto& [name, write] : writes) {
    for (const Job& job : {lost, again, over, cancelled_job}) {
      Job changed = job;
      const auto ok = write(changed, 1);
      ASSERT_FALSE(ok) << name << " of a job that is " << to_string(job.state);
      EXPECT_EQ(ok.error().code, ErrorCode::kConflict);
      EXPECT_EQ(changed, job) << name;
    }
    Job mine = processing();
    EXPECT_TRUE(write(mine, 1)) << name;
  }
}

TEST(JobMachine, TriesAFailureThriceMoreAndThenGivesUp) {
  Job job = pending();
  WallTime now = kNow;
  for (std::uint32_t attempt = 1; attempt <= 4; ++attempt) {
    ASSERT_TRUE(claimable(job, now)) << attempt;
    claim(job, now, "w", kPolicy);
    ASSERT_TRUE(fail_attempt(job, attempt, now, internal("boom"), true, 0.5, kPolicy));
    EXPECT_EQ(job.returns.failures, attempt);
    now += hours(1);
  }
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.error->message, "boom");
  EXPECT_EQ(job.expires, *job.finished + kPolicy.retention);
}

TEST(JobMachine, DoesNotTryAgainWhatCanNeverSucceed) {
  Job job = processing();
  ASSERT_TRUE(fail_attempt(job, 1, kNow, invalid("no such input"), false, 0, kPolicy));
  EXPECT_EQ(job.state, JobState::kFailed);
}

TEST(JobMachine, WaitsTwiceAsLongAfterEachFailureLessARandomHalf) {
  EXPECT_EQ(backoff(1, 0, kPolicy), seconds(1));
  EXPECT_EQ(backoff(2, 0, kPolicy), seconds(2));
  EXPECT_EQ(backoff(3, 0, kPolicy), seconds(4));
  EXPECT_EQ(backoff(60, 0, kPolicy), kPolicy.retry_longest);
  EXPECT_GE(backoff(3, 0.999, kPolicy), seconds(2));
  EXPECT_LT(backoff(3, 0.999, kPolicy), seconds(3));
  Job job = processing();
  ASSERT_TRUE(fail_attempt(job, 1, kNow, internal("x"), true, 0, kPolicy));
  EXPECT_FALSE(claimable(job, kNow));
  EXPECT_TRUE(delayed(job, kNow));
  EXPECT_TRUE(claimable(job, kNow + seconds(1)));
}

TEST(JobMachine, DoesNotCountAnOutageAsAFailure) {
  Job job = pending();
  for (std::uint32_t i = 1; i <= 100; ++i) {
    claim(job, kNow, "w", kPolicy);
    ASSERT_TRUE(requeue(job, i, kNow, Cause::kOutage, kPolicy));
    EXPECT_EQ(claimable(job, kNow), i <= kOutagesAtHead);
    EXPECT_TRUE(claimable(job, kNow + kLongestAside));
  }
  EXPECT_EQ(job.returns, (Returns{.outages = 100}));
  claim(job, kNow, "w", kPolicy);
  ASSERT_TRUE(requeue(job, 101, kNow, Cause::kReleased, kPolicy));
  EXPECT_TRUE(claimable(job, kNow));
  EXPECT_EQ(job.returns, (Returns{.outages = 100}));
}

TEST(JobMachine, LetsAJobStandAsideTwiceAsLongAfterEachOutageBeyondTheFirst) {
  EXPECT_EQ(time_aside(kOutagesAtHead, kPolicy), seconds(0));
  EXPECT_EQ(time_aside(kOutagesAtHead + 1, kPolicy), seconds(1));
  EXPECT_EQ(time_aside(kOutagesAtHead + 3, kPolicy), seconds(4));
  EXPECT_EQ(time_aside(kOutagesAtHead + 7, kPolicy), kLongestAside);
  EXPECT_EQ(time_aside(~0U, kPolicy), kLongestAside);
}

TEST(JobMachine, CallsAJobPoisonedWhenItsWorkersDieInTurn) {
  Job job = pending();
  WallTime now = kNow;
  for (std::uint32_t i = 1; i <= kPolicy.poison_limit; ++i) {
    claim(job, now, "w", kPolicy);
    EXPECT_FALSE(lose_lease(job, now + kPolicy.lease - seconds(1), kPolicy));
    now += kPolicy.lease;
    EXPECT_TRUE(lose_lease(job, now, kPolicy));
  }
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.returns.lost_leases, kPolicy.poison_limit);
  EXPECT_EQ(job.returns.failures, 0U);
  EXPECT_TRUE(job.error->message.contains("3 workers")) << job.error->message;
}

TEST(JobMachine, KeepsALeaseThatIsExtended) {
  Job job = processing();
  ASSERT_TRUE(extend(job, 1, kNow + seconds(20), seconds(30)));
  EXPECT_FALSE(lose_lease(job, kNow + seconds(40), kPolicy));
  EXPECT_TRUE(lose_lease(job, kNow + seconds(50), kPolicy));
}

TEST(JobMachine, CancelsWhatIsNotOverAndNothingElse) {
  for (Job job : {pending(), processing()}) {
    ASSERT_TRUE(cancel(job, kNow, kPolicy));
    EXPECT_EQ(job.state, JobState::kCancelled);
    EXPECT_FALSE(claimable(job, kNow + hours(1)));
    EXPECT_TRUE(cancel(job, kNow, kPolicy)) << "twice is the same as once";
  }
  Job over = processing();
  ASSERT_TRUE(complete(over, 1, kNow, kPolicy));
  EXPECT_EQ(cancel(over, kNow, kPolicy).error().code, ErrorCode::kConflict);
  EXPECT_EQ(over.state, JobState::kCompleted);
}

TEST(JobMachine, FailsAPendingJobWhoseDeadlinePassed) {
  Job job = pending();
  job.deadline = kNow + minutes(1);
  EXPECT_FALSE(pass_deadline(job, kNow, kPolicy));
  EXPECT_FALSE(claimable(job, kNow + minutes(1)));
  EXPECT_TRUE(pass_deadline(job, kNow + minutes(1), kPolicy));
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.error->code, ErrorCode::kTimeout);
}

TEST(JobMachine, EndsWhatIsRunWithItsDeadline) {
  Job job = pending();
  job.deadline = kNow + seconds(40);
  claim(job, kNow, "w", kPolicy);
  EXPECT_EQ(job.lease_until, kNow + kPolicy.lease);
  ASSERT_TRUE(extend(job, 1, kNow + seconds(20), seconds(30)));
  EXPECT_EQ(job.lease_until, job.deadline) << "no lease goes beyond it";
  const WallTime late = *job.deadline;
  EXPECT_FALSE(lose_lease(job, late - seconds(1), kPolicy));
  const Job before = job;
  EXPECT_EQ(extend(job, 1, late, seconds(30)).error().code, ErrorCode::kConflict);
  const auto completed = complete(job, 1, late, kPolicy);
  EXPECT_EQ(completed.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(completed.error().message.contains("deadline")) << completed.error().message;
  EXPECT_EQ(job, before);

  const std::pair<const char*, std::function<bool(Job&)>> ends[] = {
      {"silence", [&](Job& j) { return lose_lease(j, late, kPolicy); }},
      {"a failure",
       [&](Job& j) {
         return fail_attempt(j, 1, late, internal("x"), true, 0, kPolicy).has_value();
       }},
      {"a requeue",
       [&](Job& j) { return requeue(j, 1, late, Cause::kReleased, kPolicy).has_value(); }},
  };
  for (const auto& [name, end] : ends) {
    Job one = before;
    ASSERT_TRUE(end(one)) << name;
    EXPECT_EQ(one.state, JobState::kFailed) << name;
    EXPECT_EQ(one.error, timed_out("its deadline passed while it was run")) << name;
    EXPECT_EQ(one.returns.lost_leases, 0U) << name;
  }
  ASSERT_TRUE(fail_attempt(job, 1, late, invalid("never"), false, 0, kPolicy));
  EXPECT_EQ(job.error->message, "never");
}

TEST(JobMachine, SaysWhereTheDeadlineFoundAPendingJob) {
  for (const bool tried : {false, true}) {
    Job job = pending();
    job.deadline = kNow + seconds(10);
    if (tried) {
      claim(job, kNow, "w", kPolicy);
      ASSERT_TRUE(fail_attempt(job, 1, kNow, internal("x"), true, 0, kPolicy));
    }
    ASSERT_TRUE(pass_deadline(job, kNow + seconds(10), kPolicy));
    EXPECT_EQ(job.error->message, tried ? "its deadline passed before it could be run again"
                                        : "its deadline passed before a worker was free");
  }
}

TEST(JobMachine, JudgesAnErrorByWhatItSaysOfTheJob) {
  const std::pair<ErrorCode, Verdict> table[] = {
      {ErrorCode::kInvalid, Verdict::kPermanent},  {ErrorCode::kNotFound, Verdict::kPermanent},
      {ErrorCode::kTooLarge, Verdict::kPermanent}, {ErrorCode::kForbidden, Verdict::kPermanent},
      {ErrorCode::kTimeout, Verdict::kTransient},  {ErrorCode::kInternal, Verdict::kTransient},
      {ErrorCode::kUnavailable, Verdict::kOutage}, {ErrorCode::kExhausted, Verdict::kOutage},
      {ErrorCode::kCancelled, Verdict::kReleased},
  };
  for (const auto& [code, verdict] : table)
    EXPECT_EQ(judge({code, ""}), verdict) << to_string(code);
  EXPECT_EQ(judge({ErrorCode::kUnavailable, "", {}, ErrorDetail::kNotAway}), Verdict::kTransient);
}

// Any sequence of events whatsoever, under many seeds.
TEST(JobMachine, NeverLeavesATerminalStateAndAlwaysAddsUp) {
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    Random random(seed);
    Job job = pending();
    WallTime now = kNow;
    if (random.below(2) == 0) job.deadline = now + seconds(random.below(400));
    std::uint32_t claims = 0;
    std::uint32_t requeues = 0;
    for (int step = 0; step < 40; ++step) {
      const Job before = job;
      const auto attempt = static_cast<std::uint32_t>(random.below(job.attempt + 2));
      switch (random.below(8)) {
        case 0:
          if (claimable(job, now)) {
            claim(job, now, "w", kPolicy);
            ++claims;
          }
          break;
        case 1:
          (void)extend(job, attempt, now, kPolicy.lease);
          break;
        case 2:
          (void)complete(job, attempt, now, kPolicy);
          break;
        case 3:
          (void)fail_attempt(job, attempt, now, internal("x"), random.below(2) == 0, random.unit(),
                             kPolicy);
          break;
        case 4:
          if (requeue(job, attempt, now, random.below(2) == 0 ? Cause::kOutage : Cause::kReleased,
                      kPolicy)) {
            ++requeues;
          }
          break;
        case 5:
          if (random.below(10) == 0) (void)cancel(job, now, kPolicy);
          break;
        case 6:
          lose_lease(job, now, kPolicy);
          break;
        default:
          now += seconds(random.below(40)) - seconds(5);  // clocks step back as well
      }
      if (is_terminal(before.state)) {
        ASSERT_EQ(job, before) << "seed " << seed;
      }
      ASSERT_EQ(job.attempt, claims) << "seed " << seed;
      if (job.lease_until && job.deadline) {
        ASSERT_LE(*job.lease_until, *job.deadline) << "seed " << seed;
      }
      ASSERT_EQ(job.lease_until.has_value(), job.state == JobState::kProcessing) << "seed " << seed;
      ASSERT_EQ(job.expires.has_value(), is_terminal(job.state)) << "seed " << seed;
      ASSERT_LE(job.returns.failures, kPolicy.retries + 1) << "seed " << seed;
      ASSERT_LE(job.returns.lost_leases, kPolicy.poison_limit) << "seed " << seed;
      const std::uint32_t ended = job.returns.failures + job.returns.lost_leases + requeues;
      ASSERT_LE(ended, claims) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace sluice::jobs
