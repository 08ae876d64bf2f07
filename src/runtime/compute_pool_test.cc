#include "runtime/compute_pool.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <latch>

#include "runtime/thread_class.h"

namespace sluice {
namespace {

TEST(ComputePool, RunsEverythingItTookBeforeItGoes) {
  std::atomic<int> ran = 0;
  {
    ComputePool pool({.threads = 3, .queue_limit = 1000});
    for (int i = 0; i < 500; ++i) {
      Task task = [&] { ++ran; };
      ASSERT_TRUE(pool.submit(task));
    }
  }
  EXPECT_EQ(ran, 500);
}

TEST(ComputePool, RefusesBeyondItsBoundAndLeavesTheTaskWithTheCaller) {
  std::latch started(1);
  std::latch release(1);
  ComputePool pool({.threads = 1, .queue_limit = 1});
  Task blocker = [&] {
    started.count_down();
    release.wait();
  };
  ASSERT_TRUE(pool.submit(blocker));
  started.wait();
  Task queued = [] {};
  ASSERT_TRUE(pool.submit(queued));
  bool ran = false;
  Task refused = [&] { ran = true; };
  EXPECT_FALSE(pool.submit(refused));
  EXPECT_EQ(pool.waiting(), 1U);
  refused();
  EXPECT_TRUE(ran);
  release.count_down();
}

TEST(ComputePool, RunsWhereNobodyElseWantsToIfSoAsked) {
  if (!can_run_when_idle()) GTEST_SKIP() << "not allowed here";
  std::atomic<int> policy = -1;
  {
    ComputePool pool({.threads = 1, .queue_limit = 1, .when_idle = true});
    Task task = [&] { policy = ::sched_getscheduler(0); };
    ASSERT_TRUE(pool.submit(task));
  }
  EXPECT_EQ(policy, SCHED_IDLE);
}

}  // namespace
}  // namespace sluice
