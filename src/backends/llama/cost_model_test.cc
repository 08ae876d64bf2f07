#include "backends/llama/cost_model.h"

#include <gtest/gtest.h>

#include <random>

namespace sluice::llama {
namespace {

using std::chrono::microseconds;

Duration truth(const StepSize& step, double speed = 1.0) {
  const double us = 2000 + 300.0 * step.tokens + 0.5 * static_cast<double>(step.context);
  return microseconds(static_cast<std::int64_t>(us * speed));
}

CostModel trained(double speed = 1.0) {
  CostModel model;
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    const StepSize step{.tokens = 1 + static_cast<std::uint32_t>(random() % 256),
                        .context = random() % 4096};
    model.learn(step, truth(step, speed));
  }
  return model;
}

void expect_near(Duration got, Duration want) {
  EXPECT_NEAR(to_ms(got), to_ms(want), 0.03 * to_ms(want));
}

TEST(CostModel, LearnsWhatAStepTakes) {
  const CostModel model = trained();
  EXPECT_TRUE(model.trained());
  for (const StepSize step : {StepSize{1, 0}, StepSize{64, 1000}, StepSize{512, 3000}}) {
    expect_near(model.estimate(step), truth(step));
  }
}

TEST(CostModel, FollowsAMachineThatBecomesSlower) {
  CostModel model = trained();
  std::mt19937 random(8);
  for (int i = 0; i < 600; ++i) {
    const StepSize step{.tokens = 1 + static_cast<std::uint32_t>(random() % 256),
                        .context = random() % 4096};
    model.learn(step, truth(step, 2.0));
  }
  expect_near(model.estimate({128, 500}), truth({128, 500}, 2.0));
}

TEST(CostModel, SaysHowManyTokensFitAStep) {
  const CostModel model = trained();
  EXPECT_NEAR(model.tokens_within(microseconds(32'000), 0), 100, 3);
  EXPECT_NEAR(model.tokens_within(microseconds(32'000), 4000), 93, 3);
  EXPECT_EQ(model.tokens_within(microseconds(10), 0), 1U) << "work never stands still";
}

TEST(CostModel, IsNotBelievedBeforeItHasSeenSomeSteps) {
  CostModel model;
  EXPECT_FALSE(model.trained());
  EXPECT_EQ(model.estimate({100, 100}), Duration::zero());
  for (int i = 0; i < 8; ++i) model.learn({10, 0}, truth({10, 0}));
  EXPECT_TRUE(model.trained());
}

TEST(CostModel, StaysFiniteWhenAllStepsAreAlike) {
  CostModel model;
  for (int i = 0; i < 100'000; ++i) model.learn({1, 100}, truth({1, 100}));
  expect_near(model.estimate({1, 100}), truth({1, 100}));
}

}  // namespace
}  // namespace sluice::llama
