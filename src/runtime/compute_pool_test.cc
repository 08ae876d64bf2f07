#include "runtime/compute_pool.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

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

// A pool whose only thread is held until the end.
class BusyPool : public ::testing::Test {
 protected:
  static constexpr std::size_t kLimit = 4;
  BusyPool() {
    Task blocker = [this] {
      started_.count_down();
      release_.wait();
    };
    EXPECT_TRUE(pool_->submit(blocker));
    started_.wait();
  }
  ~BusyPool() override { finish(); }

  struct Work {
    ComputePool::Place place;
    int number;
  };
  // Null where the pool refuses.
  std::shared_ptr<Work> submit(int number) {
    auto work = std::make_shared<Work>();
    work->number = number;
    Task task = [this, work] { ran_.push_back(work->number); };
    return pool_->submit(task, &work->place) ? work : nullptr;
  }
  void finish() {
    if (pool_ == nullptr) return;
    release_.count_down();
    pool_ = nullptr;
  }

  std::latch started_{1};
  std::latch release_{1};
  std::vector<int> ran_;  // of the pool's thread, until finish()
  std::unique_ptr<ComputePool> pool_ =
      std::make_unique<ComputePool>(ComputePool::Options{.threads = 1, .queue_limit = kLimit});
};

TEST_F(BusyPool, ATaskThatLeavesMakesRoomForAnotherAtOnceAndIsNeverRun) {
  std::vector<std::shared_ptr<Work>> waiting;
  for (int i = 0; i < 4; ++i) waiting.push_back(submit(i));
  EXPECT_EQ(submit(4), nullptr);
  EXPECT_TRUE(pool_->leave(waiting[1]->place));
  EXPECT_FALSE(pool_->leave(waiting[1]->place)) << "it has left";
  EXPECT_EQ(pool_->waiting(), 3U);
  EXPECT_NE(submit(5), nullptr);
  EXPECT_EQ(submit(6), nullptr);
  finish();
  EXPECT_EQ(ran_, (std::vector{0, 2, 3, 5}));
}

TEST_F(BusyPool, HoldsFewOfThoseThatLeftAndKeepsTheOthersInTheirOrder) {
  const auto first = submit(1);
  std::vector<std::weak_ptr<Work>> all;
  for (int i = 0; i < 100; ++i) {
    auto work = submit(-1);
    ASSERT_NE(work, nullptr) << i;
    pool_->leave(work->place);
    all.push_back(work);
  }
  EXPECT_LE(std::ranges::count_if(all, [](const auto& one) { return !one.expired(); }),
            static_cast<std::ptrdiff_t>(kLimit));
  EXPECT_EQ(pool_->waiting(), 1U);
  const auto second = submit(2);
  finish();
  EXPECT_EQ(ran_, (std::vector{1, 2}));
  EXPECT_TRUE(std::ranges::all_of(all, [](const auto& one) { return one.expired(); }));
}

TEST_F(BusyPool, NothingLeavesThatNeverWaitedOrHasRun) {
  ComputePool::Place elsewhere;
  EXPECT_FALSE(pool_->leave(elsewhere));
  const auto work = submit(1);
  release_.count_down();
  std::latch ran(1);
  Task after = [&] { ran.count_down(); };
  ASSERT_TRUE(pool_->submit(after));
  ran.wait();
  EXPECT_FALSE(pool_->leave(work->place));
  EXPECT_EQ(pool_->waiting(), 0U);
  pool_ = nullptr;
}

// Left and run at once, from many threads: each task has one of the two, and all places come back.
TEST(ComputePool, WhoLeavesAndWhoRunsAgree) {
  constexpr int kEach = 20'000;
  std::atomic<int> ran = 0;
  std::atomic<int> left = 0;
  std::latch done(2);  // looked at until the pool has ended
  ComputePool pool({.threads = 2, .queue_limit = 64});
  const auto caller = [&] {
    for (int i = 0; i < kEach;) {
      auto place = std::make_shared<ComputePool::Place>();
      Task task = [&ran, place] { ++ran; };
      if (!pool.submit(task, place.get())) continue;
      ++i;
      if (pool.leave(*place)) ++left;
    }
  };
  std::thread one(caller);
  std::thread two(caller);
  one.join();
  two.join();
  for (int i = 0; i < 2; ++i) {
    Task last = [&] { done.arrive_and_wait(); };
    while (!pool.submit(last)) {
    }
  }
  done.wait();
  EXPECT_EQ(ran + left, 2 * kEach);
  EXPECT_EQ(pool.waiting(), 0U);
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
