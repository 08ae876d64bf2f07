#include "backends/llama/driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::llama {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto kPerson = ServiceClass::kRealtime;
constexpr auto kNobody = ServiceClass::kBestEffort;

SequenceView prompt(std::uint32_t id, ServiceClass of, std::uint32_t left, std::uint64_t order) {
  return {.id = id, .service_class = of, .prompt_left = left, .position = 0, .order = order};
}
SequenceView decoding(std::uint32_t id, ServiceClass of, std::uint32_t position = 100) {
  return {.id = id, .service_class = of, .prompt_left = 0, .position = position, .order = id};
}
std::vector<std::pair<std::uint32_t, std::uint32_t>> work(const StepPlan& plan) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> out;
  for (const auto& w : plan.work) out.emplace_back(w.id, w.tokens);
  return out;
}
auto is(std::uint32_t id, std::uint32_t tokens) {
  return ::testing::Pair(id, tokens);
}

constexpr TimePoint kNow{std::chrono::hours(1)};

// One that knows that a step takes 2 ms and 1 ms a token.
Driver trained(DriverOptions options) {
  Driver driver(options);
  for (std::uint32_t i = 0; i < 50; ++i) {
    StepPlan plan;
    plan.size = {.tokens = 1 + i % 7, .context = (i * 37) % 1000};
    driver.stepped(plan, milliseconds(2 + plan.size.tokens), false);
  }
  return driver;
}

TEST(Driver, HasNothingToDoWithoutSequences) {
  EXPECT_TRUE(Driver({}).plan({}, kNow).empty());
}

TEST(Driver, DecodesEverySequenceByOneToken) {
  const Driver driver({});
  const std::vector views = {decoding(0, kPerson), decoding(1, kPerson)};
  EXPECT_THAT(work(driver.plan(views, kNow)), ElementsAre(is(0, 1), is(1, 1)));
}

TEST(Driver, PromptsFillAStepInTheOrderInWhichTheyCame) {
  const Driver driver({.step_tokens = 100});
  const std::vector views = {prompt(0, kPerson, 80, 5), prompt(1, kPerson, 60, 2)};
  EXPECT_THAT(work(driver.plan(views, kNow)), ElementsAre(is(1, 60), is(0, 40)));
}

TEST(Driver, APromptIsCutSmallerBesideThoseThatDecode) {
  const Driver driver({.step_tokens = 512, .chunk_beside_decoding = 64});
  const std::vector views = {decoding(0, kPerson), prompt(1, kPerson, 300, 1)};
  EXPECT_THAT(work(driver.plan(views, kNow)), ElementsAre(is(0, 1), is(1, 64)));
}

TEST(Driver, SharedBestEffortPausesForAPromptOfRealtime) {
  const Driver driver = trained({.shared = true});
  const std::vector views = {decoding(0, kNobody), prompt(1, kNobody, 300, 0),
                             prompt(2, kPerson, 10, 9)};
  EXPECT_THAT(work(driver.plan(views, kNow)), ElementsAre(is(2, 10)));
}

TEST(Driver, SharedBestEffortDecodesAlongAsFarAsNobodyNotices) {
  const std::vector views = {decoding(0, kPerson), decoding(1, kNobody), decoding(2, kNobody)};
  EXPECT_THAT(work(trained({.shared = true, .realtime_slowdown = 1.05}).plan(views, kNow)),
              ElementsAre(is(0, 1)));
  EXPECT_THAT(work(trained({.shared = true, .realtime_slowdown = 1.4}).plan(views, kNow)),
              ElementsAre(is(0, 1), is(1, 1)));
  EXPECT_THAT(work(trained({.shared = true, .realtime_slowdown = 2}).plan(views, kNow)),
              ElementsAre(is(0, 1), is(1, 1), is(2, 1)));
}

TEST(Driver, SharedStepsOfBestEffortAreAsLongAsRealtimeMayHaveToWait) {
  Driver driver = trained({.shared = true, .realtime_wait = milliseconds(52)});
  const std::vector views = {prompt(0, kNobody, 1500, 0)};
  StepPlan plan;
  for (int i = 0; i < 4; ++i) {  // a step grows from the one before
    plan = driver.plan(views, kNow);
    driver.stepped(plan, milliseconds(2 + plan.size.tokens), true);
  }
  ASSERT_EQ(plan.work.size(), 1U);
  EXPECT_NEAR(plan.work[0].tokens, 50, 2);
}

TEST(Driver, ItsStepsGrowShorterTheMoreOftenRealtimeComes) {
  Driver driver = trained({.shared = true, .realtime_wait = milliseconds(200)});
  TimePoint now = kNow;
  EXPECT_EQ(driver.best_effort_step(now), milliseconds(200));
  for (int i = 0; i < 40; ++i) driver.arrived(kPerson, now += std::chrono::seconds(2));
  const Duration seldom = driver.best_effort_step(now);
  for (int i = 0; i < 40; ++i) driver.arrived(kPerson, now += milliseconds(200));
  const Duration often = driver.best_effort_step(now);
  EXPECT_NEAR(to_ms(seldom), 89, 5);  // sqrt(2 x 2 ms x 2 s)
  EXPECT_NEAR(to_ms(often), 28, 3);   // sqrt(2 x 2 ms x 0.2 s)
}

TEST(Driver, UntilStepsAreKnownBestEffortTakesShortOnes) {
  const Driver driver({.step_tokens = 512, .chunk_beside_decoding = 128, .shared = true});
  const std::vector views = {prompt(0, kNobody, 1500, 0)};
  EXPECT_THAT(work(driver.plan(views, kNow)), ElementsAre(is(0, 16)));
}

TEST(Driver, AloneInItsContextBestEffortTakesTheLongestSteps) {
  const Driver driver({.step_tokens = 512});
  const std::vector views = {prompt(0, kNobody, 1500, 0)};
  EXPECT_THAT(work(driver.plan(views, kNow)), ElementsAre(is(0, 512)));
}

TEST(Driver, BestEffortGetsItsShareWhileRealtimeNeverEnds) {
  Driver driver = trained({.shared = true,
                           .realtime_wait = milliseconds(20),
                           .realtime_slowdown = 1.0,
                           .best_effort_share = 0.05});
  const std::vector views = {decoding(0, kPerson), prompt(1, kNobody, 1'000'000, 1)};
  Duration realtime{};
  Duration best_effort{};
  for (int i = 0; i < 5000; ++i) {
    const StepPlan plan = driver.plan(views, kNow);
    const Duration took = milliseconds(2 + plan.size.tokens);
    (plan.realtime ? realtime : best_effort) += took;
    driver.stepped(plan, took, true);
  }
  const double share = to_seconds(best_effort) / to_seconds(best_effort + realtime);
  EXPECT_GE(share, 0.0495);
  EXPECT_LT(share, 0.06);
}

TEST(Driver, NothingIsOwedToWhoDidNotWait) {
  Driver driver = trained({.shared = true, .realtime_wait = milliseconds(20)});
  StepPlan plan;
  plan.realtime = true;
  plan.size.tokens = 1;
  for (int i = 0; i < 10'000; ++i) driver.stepped(plan, milliseconds(3), false);
  const std::vector views = {decoding(0, kPerson), prompt(1, kNobody, 100, 1)};
  EXPECT_TRUE(driver.plan(views, kNow).realtime);
}

// What a step takes on the machine that trained() knows.
Duration took(const StepPlan& plan) {
  return milliseconds(2 + plan.size.tokens);
}

TEST(Driver, ItsStepsGrowLongAgainWhenRealtimeStaysAway) {
  Driver driver = trained({.shared = true, .realtime_wait = milliseconds(200)});
  TimePoint now = kNow;
  for (int i = 0; i < 40; ++i) driver.arrived(kPerson, now += milliseconds(50));
  const Duration in_the_crowd = driver.best_effort_step(now);
  EXPECT_NEAR(to_ms(in_the_crowd), 14, 2);
  EXPECT_EQ(driver.best_effort_step(now + milliseconds(50)), in_the_crowd);
  Duration last = in_the_crowd;
  for (const auto later : {milliseconds(500), milliseconds(5'000), milliseconds(50'000)}) {
    EXPECT_GT(driver.best_effort_step(now + later), last);
    last = driver.best_effort_step(now + later);
  }
  EXPECT_EQ(driver.best_effort_step(now + std::chrono::minutes(5)), milliseconds(200));
  EXPECT_EQ(driver.best_effort_step(now + std::chrono::hours(24 * 365)), milliseconds(200));
}

// However long it was kept from its place.
TEST(Driver, WhatIsOwedIsNeverGivenInTwoStepsInARow) {
  Driver driver = trained({.shared = true, .realtime_wait = milliseconds(50)});
  StepPlan realtime;
  realtime.realtime = true;
  realtime.size.tokens = 1;
  for (int i = 0; i < 20'000; ++i) driver.stepped(realtime, milliseconds(3), true);
  const std::vector views = {decoding(0, kPerson), prompt(1, kNobody, 1'000'000, 1)};
  Duration for_nobody{};
  bool last_for_nobody = false;
  for (int i = 0; i < 100; ++i) {
    const StepPlan plan = driver.plan(views, kNow);
    ASSERT_FALSE(last_for_nobody && !plan.realtime) << i;
    last_for_nobody = !plan.realtime;
    if (last_for_nobody) {
      EXPECT_LE(took(plan), milliseconds(52));
      for_nobody += took(plan);
    }
    driver.stepped(plan, took(plan), true);
  }
  EXPECT_LT(for_nobody, milliseconds(150)) << "a minute's share at once";
}

TEST(Driver, AStepOfBestEffortThatIsGivenUpWasItsTurn) {
  Driver driver = trained({.shared = true, .realtime_wait = milliseconds(50)});
  StepPlan realtime;
  realtime.realtime = true;
  realtime.size.tokens = 1;
  for (int i = 0; i < 1'000; ++i) driver.stepped(realtime, milliseconds(3), true);
  const std::vector views = {decoding(0, kPerson), prompt(1, kNobody, 1'000, 1)};
  const StepPlan turn = driver.plan(views, kNow);
  ASSERT_FALSE(turn.realtime);
  driver.broke_off(turn, milliseconds(1), true);
  EXPECT_TRUE(driver.plan(views, kNow).realtime);
}

TEST(Driver, APromptOfRealtimeIsCutWhereOneStepOfBestEffortCouldNotMakeUpForMore) {
  const Driver driver =
      trained({.shared = true, .realtime_wait = milliseconds(20), .best_effort_share = 0.2});
  std::vector views = {prompt(0, kPerson, 1'000, 0)};
  EXPECT_THAT(work(driver.plan(views, kNow)), ElementsAre(is(0, 512)));
  views.push_back(decoding(1, kNobody));
  EXPECT_NEAR(driver.plan(views, kNow).size.tokens, 78, 3);  // 4 x 20 ms
}

TEST(Driver, BestEffortWithoutAPlaceGetsTheNextOneOnceAWholeTurnIsOwed) {
  Driver driver = trained({.shared = true, .realtime_wait = milliseconds(30)});
  const std::vector people = {decoding(0, kPerson), decoding(1, kPerson)};
  const std::vector both = {decoding(0, kPerson), decoding(1, kNobody)};
  StepPlan realtime;
  realtime.realtime = true;
  realtime.size.tokens = 2;
  driver.stepped(realtime, milliseconds(4), true);
  EXPECT_EQ(driver.next_place_for(people), kPerson);
  EXPECT_EQ(driver.to_park(both, kNow), 1U);
  for (int i = 0; i < 1'000; ++i) driver.stepped(realtime, milliseconds(4), true);
  EXPECT_EQ(driver.next_place_for(people), kNobody);
  EXPECT_EQ(driver.next_place_for(both), kPerson) << "it has one";
  EXPECT_FALSE(driver.to_park(both, kNow)) << "it is its turn";
  driver.stepped(driver.plan(both, kNow), milliseconds(3), true);
  EXPECT_EQ(driver.to_park(both, kNow), 1U) << "it has had it";
  EXPECT_EQ(driver.next_place_for(people), kPerson);
}

TEST(Driver, TheNewestOfBestEffortIsParkedAndRealtimeNever) {
  const Driver driver({.shared = true});
  const std::vector people = {decoding(0, kPerson)};
  EXPECT_FALSE(driver.to_park(people, kNow));
  const std::vector all = {decoding(0, kPerson), decoding(1, kNobody), decoding(2, kNobody)};
  EXPECT_EQ(driver.to_park(all, kNow), 2U);
}

}  // namespace
}  // namespace sluice::llama
