// The parts of a queue of slots, each by itself.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/random.h"
#include "scheduling/best_effort_share.h"
#include "scheduling/service_rate.h"
#include "scheduling/tenant_shares.h"

namespace sluice::scheduling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kBegin{std::chrono::hours(1)};

TEST(ServiceRate, SaysNothingBeforeItHasSeenEnough) {
  ServiceRate rate;
  for (int i = 0; i < 3; ++i) rate.served(seconds(1));
  EXPECT_FALSE(rate.mean_service());
  EXPECT_FALSE(rate.wait(0, 1, kBegin));
  EXPECT_EQ(rate.retry_after(5, 1, kBegin), ServiceRate::kUnknownRetry);
  rate.served(seconds(1));
  EXPECT_EQ(rate.mean_service(), seconds(1));
}

TEST(ServiceRate, DividesTheServiceBySlotsWhileNobodyWaited) {
  ServiceRate rate;
  for (int i = 0; i < 10; ++i) rate.served(seconds(4));
  EXPECT_EQ(rate.wait(0, 2, kBegin), seconds(2));
  EXPECT_EQ(rate.wait(4, 2, kBegin), seconds(10));
  EXPECT_EQ(rate.retry_after(4, 2, kBegin), seconds(10));
}

TEST(ServiceRate, KnowsHowFastAQueueEmptiesWhateverElseRuns) {
  ServiceRate rate;
  TimePoint now = kBegin;
  for (int i = 0; i < 20; ++i) {
    rate.served(seconds(1));
    rate.started(now, true);
    now += seconds(20);  // the class gets one slot in twenty
  }
  EXPECT_EQ(rate.wait(1, 1, now), seconds(40));
}

TEST(ServiceRate, DoesNotTakeIdleTimeForSlowness) {
  ServiceRate rate;
  TimePoint now = kBegin;
  for (int i = 0; i < 20; ++i) {
    rate.started(now, true);
    rate.started(now += seconds(2), false);  // nobody waits any more
    now += std::chrono::hours(1);
  }
  EXPECT_EQ(rate.wait(0, 1, now), seconds(2));
}

TEST(ServiceRate, NoticesAnEngineThatStandsStill) {
  ServiceRate rate;
  TimePoint now = kBegin;
  for (int i = 0; i < 5; ++i) rate.started(now += seconds(1), true);
  EXPECT_EQ(rate.wait(0, 1, now + seconds(1)), seconds(1));
  EXPECT_GT(*rate.wait(0, 1, now + seconds(101)), seconds(20));
}

TEST(ServiceRate, FollowsAChange) {
  ServiceRate rate;
  for (std::size_t i = 0; i < RecentMean::kSamples; ++i) rate.served(seconds(1));
  for (std::size_t i = 0; i < RecentMean::kSamples; ++i) rate.served(seconds(3));
  EXPECT_EQ(rate.mean_service(), seconds(3));
  EXPECT_EQ(rate.quick_service(), seconds(3));
}

TEST(ServiceRate, BoundsWhatItTells) {
  ServiceRate fast;
  ServiceRate slow;
  for (int i = 0; i < 10; ++i) {
    fast.served(Duration(10));
    slow.served(std::chrono::hours(3));
  }
  EXPECT_EQ(fast.retry_after(0, 4, kBegin), ServiceRate::kShortestRetry);
  EXPECT_EQ(slow.retry_after(9999, 1, kBegin), ServiceRate::kLongestRetry);
}

// One that has a call at work and one that waits; who got least is served, and each call costs.
TEST(TenantShares, GivesEqualPartsOfTheWorkNotOfTheCalls) {
  TenantShares shares;
  double got[2] = {0, 0};
  const double cost[2] = {1, 10};
  const TenantIndex who[2] = {shares.enter("small"), shares.enter("large")};
  for (int i = 0; i < 1100; ++i) {
    const int next = shares.counter(who[0]) <= shares.counter(who[1]) ? 0 : 1;
    shares.start(who[next], 1, true);
    shares.enter(next == 0 ? "small" : "large");
    shares.finish(who[next], cost[next] - 1);
    got[next] += cost[next];
  }
  EXPECT_NEAR(got[0], got[1], 11);
}

TEST(TenantShares, GivesNoCreditForAPause) {
  TenantShares shares;
  const TenantIndex busy = shares.enter("busy");
  for (int i = 0; i < 100; ++i) {
    shares.start(busy, 10, true);
    shares.enter("busy");
    shares.finish(busy, 0);
  }
  const TenantIndex late = shares.enter("late");
  EXPECT_GE(shares.counter(late), shares.counter(busy) - 10);
  EXPECT_LE(shares.counter(late), shares.counter(busy));
}

TEST(TenantShares, KeepsTheDebtOfWhoComesBack) {
  TenantShares shares;
  const TenantIndex greedy = shares.enter("greedy");
  shares.start(greedy, 1, true);
  shares.finish(greedy, 999);
  EXPECT_EQ(shares.counter(shares.enter("greedy")), 1000);
}

TEST(TenantShares, ForgetsWhoIsIdleAndOwesNothing) {
  TenantShares shares;
  for (int i = 0; i < 5000; ++i) {
    const TenantIndex one = shares.enter("tenant " + std::to_string(i));
    shares.start(one, 1, true);
    shares.finish(one, 1);  // each owes something
  }
  EXPECT_LE(shares.known(), TenantShares::kMaxIdle + 1);
  EXPECT_EQ(shares.tenants_waiting(), 0U);
}

SlotOptions options(Preemption preemption, std::size_t slots) {
  SlotOptions made;
  made.preemption = preemption;
  made.slots = slots;
  return made;
}

TEST(BestEffortShare, IsDueAsSoonAsBestEffortHasWaited) {
  BestEffortShare share(options(Preemption::kNone, 2));
  const EngineUse waits{.realtime_held = 2, .best_effort_held = 0, .best_effort_waits = true};
  share.advance(kBegin, waits);
  EXPECT_FALSE(share.due(waits));
  share.advance(kBegin + seconds(10), waits);
  EXPECT_TRUE(share.due(waits));
  EXPECT_EQ(share.debt(), seconds(1));  // 5 % of two slots
}

TEST(BestEffortShare, IsPaidByWhatRuns) {
  BestEffortShare share(options(Preemption::kNone, 2));
  const EngineUse waits{.realtime_held = 2, .best_effort_held = 0, .best_effort_waits = true};
  const EngineUse runs{.realtime_held = 1, .best_effort_held = 1, .best_effort_waits = true};
  share.advance(kBegin, waits);
  share.advance(kBegin + seconds(10), waits);
  EXPECT_FALSE(share.due(runs));  // one of two slots is more than the share
  share.advance(kBegin + seconds(14), runs);
  EXPECT_FALSE(share.due(waits));
  // It had 4 s: enough for 40 s from the beginning.
  share.advance(kBegin + milliseconds(39'900), waits);
  EXPECT_FALSE(share.due(waits));
  share.advance(kBegin + milliseconds(40'100), waits);
  EXPECT_TRUE(share.due(waits));
}

TEST(BestEffortShare, IsOwedToNobodyWhoDoesNotWait) {
  BestEffortShare share(options(Preemption::kNone, 2));
  share.advance(kBegin, {.realtime_held = 2});
  share.advance(kBegin + seconds(100), {.realtime_held = 2});
  EXPECT_EQ(share.debt(), Duration::zero());
}

TEST(BestEffortShare, HoldsALongRunAgainstNobodyForLong) {
  BestEffortShare share(options(Preemption::kNone, 2));
  const EngineUse alone{.realtime_held = 0, .best_effort_held = 1, .best_effort_waits = true};
  const EngineUse waits{.realtime_held = 2, .best_effort_held = 0, .best_effort_waits = true};
  share.advance(kBegin, alone);
  const TimePoint morning = kBegin + std::chrono::hours(8);
  share.advance(morning, alone);
  share.advance(morning + BestEffortShare::kMemory + milliseconds(1), waits);
  EXPECT_TRUE(share.due(waits));
}

TEST(BestEffortShare, HoldsNobodyBackBesideAFreeSlotBeforeMuchIsOwed) {
  BestEffortShare share(options(Preemption::kFull, 2));
  const EngineUse paused{.realtime_held = 1, .best_effort_held = 1, .best_effort_waits = true};
  share.advance(kBegin, paused);
  TimePoint now = kBegin + seconds(59);
  share.advance(now, paused);
  EXPECT_FALSE(share.due(paused));
  now = kBegin + seconds(60);
  share.advance(now, paused);
  EXPECT_EQ(share.debt(), seconds(3));
  EXPECT_TRUE(share.due(paused));
  EXPECT_FALSE(share.given_at(paused)) << "not before the slots are empty";
  const EngineUse alone{.realtime_held = 0, .best_effort_held = 1, .best_effort_waits = true};
  share.advance(now + seconds(3), alone);
  EXPECT_TRUE(share.due(alone)) << "all of it is paid";
  share.advance(share.given_at(alone).value(), alone);
  EXPECT_FALSE(share.due(alone));
}

TEST(BestEffortShare, OwesNoMoreThanAFewSecondsHoweverLargeItIs) {
  EXPECT_EQ(BestEffortShare::most_owed(0.5), BestEffortShare::kMostOwed);
  EXPECT_EQ(BestEffortShare::most_owed(0.01), milliseconds(600));
  EXPECT_EQ(BestEffortShare::most_owed(0.0001), BestEffortShare::kQuantum);
}

TEST(BestEffortShare, HoldsRealtimeBackForAQuantumWhereTheEnginePreempts) {
  BestEffortShare share(options(Preemption::kFull, 1));
  const EngineUse paused{.realtime_held = 1, .best_effort_held = 1, .best_effort_waits = false};
  const EngineUse alone{.realtime_held = 0, .best_effort_held = 1, .best_effort_waits = false};
  share.advance(kBegin, paused);
  TimePoint now = kBegin + milliseconds(1900);
  share.advance(now, paused);
  EXPECT_FALSE(share.due(paused));
  now = kBegin + milliseconds(2000);
  share.advance(now, paused);
  EXPECT_TRUE(share.due(alone));
  const auto given = share.given_at(alone);
  ASSERT_TRUE(given);
  EXPECT_NEAR(to_ms(*given - now), 100.0 / 0.95, 0.01);
  share.advance(now + milliseconds(50), alone);
  EXPECT_TRUE(share.due(alone));
  share.advance(*given, alone);
  EXPECT_FALSE(share.due(alone));
}

}  // namespace
}  // namespace sluice::scheduling
