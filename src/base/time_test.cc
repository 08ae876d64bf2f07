#include "base/time.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

using namespace std::chrono_literals;

TEST(Deadline, WithoutATimeNeverPasses) {
  const Deadline never;
  EXPECT_TRUE(never.is_never());
  EXPECT_FALSE(never.passed(TimePoint(100000h)));
  EXPECT_EQ(never.left(TimePoint(1h)), Duration::max());
}

TEST(Deadline, LeavesNothingOnceItHasPassed) {
  ManualClock clock;
  const auto deadline = Deadline::after(clock.now(), 10ms);
  EXPECT_EQ(deadline.left(clock.now()), 10ms);
  clock.advance(10ms);
  EXPECT_TRUE(deadline.passed(clock.now()));
  EXPECT_EQ(deadline.left(clock.now()), 0ms);
}

TEST(Deadline, TheEarlierOfTwoWins) {
  const auto now = ManualClock().now();
  const auto soon = Deadline::after(now, 1ms);
  EXPECT_EQ(Deadline::after(now, 5ms).earlier(soon), soon);
  EXPECT_EQ(Deadline::never().earlier(soon), soon);
  EXPECT_EQ(soon.earlier(Deadline::never()), soon);
}

TEST(Deadline, AnEndlessWaitIsNoDeadline) {
  EXPECT_TRUE(Deadline::after(ManualClock().now(), Duration::max()).is_never());
}

}  // namespace
}  // namespace sluice
