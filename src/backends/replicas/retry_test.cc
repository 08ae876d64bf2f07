#include "backends/replicas/retry.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace sluice::replicas {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{std::chrono::hours(1)};

int take_all(RetryBudget& budget, TimePoint now) {
  int taken = 0;
  while (budget.take(now)) ++taken;
  return taken;
}

TEST(RetryBudget, EarnsAShareOfTheRequestsAndSoManyASecond) {
  RetryBudget budget(0.2, 10.0);
  EXPECT_EQ(take_all(budget, kStart), 10) << "the first second's";
  for (int i = 0; i < 100; ++i) budget.on_request();
  EXPECT_NEAR(take_all(budget, kStart), 20, 1);
  EXPECT_NEAR(take_all(budget, kStart + 3s), 30, 1);
}

TEST(RetryBudget, HasOneRetryFromTheStartHoweverSmallItsShareOfASecond) {
  RetryBudget budget(0.2, 10.0 / 64);
  EXPECT_TRUE(budget.take(kStart));
  EXPECT_FALSE(budget.take(kStart));
}

TEST(RetryBudget, SavesUpNoMoreThanTenSecondsGive) {
  RetryBudget budget(0.2, 10.0);
  for (int i = 0; i < 100'000; ++i) budget.on_request();
  EXPECT_EQ(take_all(budget, kStart), 100);
  EXPECT_EQ(take_all(budget, kStart + 1h), 100);
}

TEST(RetryBudget, WithoutATimeShareStillEarnsFromRequests) {
  RetryBudget budget(0.1, 0.0);
  EXPECT_EQ(take_all(budget, kStart), 0);
  for (int i = 0; i < 11; ++i) budget.on_request();
  EXPECT_EQ(take_all(budget, kStart), 1);
}

TEST(MedianEstimate, ComesNearTheMedianOfWhatItSees) {
  MedianEstimate estimate;
  EXPECT_EQ(estimate.value(), Duration::zero());
  estimate.add(100ms);
  EXPECT_EQ(estimate.value(), 100ms);
  Random random(1);
  // Uniform between 1 and 3 ms, with rare values of a second.
  for (int i = 0; i < 2000; ++i) {
    estimate.add(random.below(50) == 0 ? Duration(1s)
                                       : Duration(1'000'000 + random.below(2'000'000)));
  }
  EXPECT_NEAR(to_ms(estimate.value()), 2.0, 0.5);
}

TEST(LeavesRoom, AsksForTheMedianOrTheLeastTime) {
  const RetryOptions options{.min_left = 2ms};
  struct Case {
    Duration left;
    Duration median;
    bool room;
  };
  const Case cases[] = {{2ms, 0ms, true},   {1ms, 0ms, false}, {10ms, 10ms, true},
                        {9ms, 10ms, false}, {2ms, 1ms, true},  {1ms, 1ms, false}};
  for (const Case& c : cases) {
    EXPECT_EQ(leaves_room(Deadline(kStart + c.left), kStart, c.median, options), c.room);
  }
  EXPECT_TRUE(leaves_room(Deadline::never(), kStart, 1h, options));
}

}  // namespace
}  // namespace sluice::replicas
