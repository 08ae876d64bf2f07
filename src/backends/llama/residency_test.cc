#include "backends/llama/residency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace sluice::llama {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Answer = Residency::Answer;

constexpr Duration kForGood{-1};
constexpr TimePoint kStart{std::chrono::hours(1)};

void load(Residency& models, const std::string& name, TimePoint now) {
  ASSERT_EQ(models.want(name).answer, Answer::kLoad);
  models.loaded(name, now);
}

TEST(Residency, AModelIsLoadedOnceForAllWhoWantIt) {
  Residency models(0);
  models.add("a", 10, kForGood);
  EXPECT_EQ(models.want("a").answer, Answer::kLoad);
  EXPECT_EQ(models.want("a").answer, Answer::kLoading);
  models.loaded("a", kStart);
  EXPECT_EQ(models.want("a").answer, Answer::kHere);
}

TEST(Residency, OneThatCouldNotBeLoadedIsTriedAgain) {
  Residency models(0);
  models.add("a", 10, kForGood);
  models.want("a");
  models.gone("a");
  EXPECT_EQ(models.want("a").answer, Answer::kLoad);
}

TEST(Residency, TheOneUnusedForLongestMakesRoom) {
  Residency models(100);
  for (const char* name : {"a", "b", "c"}) models.add(name, 40, kForGood);
  load(models, "a", kStart);
  load(models, "b", kStart + seconds(1));
  models.begin("a");
  models.end("a", kStart + seconds(2), std::nullopt);
  const auto wanted = models.want("c");
  EXPECT_EQ(wanted.answer, Answer::kLoad);
  EXPECT_THAT(wanted.evict, ElementsAre("b"));
  EXPECT_FALSE(models.is_here("b"));
  EXPECT_TRUE(models.is_here("a"));
}

TEST(Residency, NothingInUseIsEverTakenAway) {
  Residency models(100);
  models.add("a", 60, kForGood);
  models.add("b", 60, kForGood);
  load(models, "a", kStart);
  models.begin("a");
  EXPECT_EQ(models.want("b").answer, Answer::kNoRoom);
  EXPECT_TRUE(models.is_here("a"));
  models.end("a", kStart, std::nullopt);
  EXPECT_EQ(models.want("b").answer, Answer::kLoad);
}

TEST(Residency, OneThatNeverFitsIsToldSo) {
  Residency models(100);
  models.add("a", 101, kForGood);
  EXPECT_EQ(models.want("a").answer, Answer::kTooLarge);
}

TEST(Residency, AnIdleModelGoesAfterItsTime) {
  Residency models(0);
  models.add("a", 10, minutes(5));
  load(models, "a", kStart);
  EXPECT_EQ(models.next(), kStart + minutes(5));
  models.begin("a");
  EXPECT_EQ(models.next(), std::nullopt) << "not while it is in use";
  models.end("a", kStart + minutes(9), std::nullopt);
  EXPECT_THAT(models.expire(kStart + minutes(13)), IsEmpty());
  EXPECT_THAT(models.expire(kStart + minutes(14)), ElementsAre("a"));
  EXPECT_EQ(models.want("a").answer, Answer::kLoad);
}

TEST(Residency, ACallMaySayHowLong) {
  Residency models(0);
  models.add("a", 10, minutes(5));
  load(models, "a", kStart);
  models.begin("a");
  models.end("a", kStart, kForGood);
  EXPECT_EQ(models.next(), std::nullopt);
  models.begin("a");
  models.end("a", kStart, seconds(0));
  EXPECT_THAT(models.expire(kStart), ElementsAre("a"));
}

TEST(Residency, TheBudgetHoldsWhateverComes) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    Residency models(100);
    std::vector<std::string> names = {"a", "b", "c", "d", "e"};
    std::map<std::string, int> calls;
    for (const auto& name : names) models.add(name, 20 + random() % 50, seconds(random() % 20));
    TimePoint now = kStart;
    for (int i = 0; i < 500; ++i) {
      now += seconds(random() % 3);
      const std::string& name = names[random() % names.size()];
      if (calls[name] > 0 && random() % 2 == 0) {
        models.end(name, now, std::nullopt);
        --calls[name];
      } else {
        const auto wanted = models.want(name);
        for (const auto& gone : wanted.evict) ASSERT_EQ(calls[gone], 0) << seed;
        if (wanted.answer == Answer::kLoad) models.loaded(name, now);
        if (models.is_here(name)) {
          models.begin(name);
          ++calls[name];
        }
      }
      for (const auto& gone : models.expire(now)) ASSERT_EQ(calls[gone], 0) << seed;
      ASSERT_LE(models.used(), 100U) << seed;
      for (const auto& each : names) {
        ASSERT_TRUE(calls[each] == 0 || models.is_here(each)) << seed;
      }
    }
  }
}

}  // namespace
}  // namespace sluice::llama
