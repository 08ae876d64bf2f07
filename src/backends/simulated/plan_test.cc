#include "backends/simulated/plan.h"

#include <gtest/gtest.h>

namespace sluice::simulated {
namespace {

GenerateRequest saying(std::string text) {
  GenerateRequest request;
  request.messages = {{"system", "be brief", {}, "", ""}, {"user", std::move(text), {}, "", ""}};
  return request;
}

std::string said(const Plan& plan) {
  std::string text;
  for (const std::string& piece : plan.pieces) text += piece;
  return text;
}

TEST(SimulatedPlan, SaysTheWordsOfTheLastMessageBack) {
  const auto plan = make_plan(saying("one  two\nthree "), {});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->pieces, (std::vector<std::string>{"one", "  two", "\nthree"}));
  EXPECT_EQ(plan->prompt_tokens, 5);
  EXPECT_EQ(plan->finish, FinishReason::kStop);
}

TEST(SimulatedPlan, ThinksFirstWhereThatIsWanted) {
  GenerateRequest request = saying("one two");
  request.reasoning = ReasoningEffort::kNone;
  EXPECT_EQ(make_plan(request, {})->thoughts, 0);
  request.reasoning = ReasoningEffort::kLow;
  const auto plan = make_plan(request, {});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->thoughts, 5);
  EXPECT_EQ(said(*plan), "They want it said back.one two");
  request.max_tokens = 3;
  const auto cut = make_plan(request, {});
  EXPECT_EQ(cut->pieces.size(), 3);
  EXPECT_EQ(cut->thoughts, 3);
  EXPECT_EQ(cut->finish, FinishReason::kLength);
}

TEST(SimulatedPlan, EndsAtTheTokensAllowedAndBeforeStopTexts) {
  struct Case {
    std::optional<std::uint32_t> max_tokens;
    std::vector<std::string> stop;
    std::string said;
    FinishReason finish;
  };
  const Case cases[] = {
      {2, {}, "one two", FinishReason::kLength},
      {4, {}, "one two three four", FinishReason::kStop},
      {std::nullopt, {"o th"}, "one tw", FinishReason::kStop},
      {std::nullopt, {"four", "ee"}, "one two thr", FinishReason::kStop},
      {0, {}, "", FinishReason::kLength},
  };
  for (const Case& c : cases) {
    GenerateRequest request = saying("one two three four");
    request.max_tokens = c.max_tokens;
    request.stop = c.stop;
    const auto plan = make_plan(request, {});
    ASSERT_TRUE(plan);
    EXPECT_EQ(said(*plan), c.said);
    EXPECT_EQ(plan->finish, c.finish) << c.said;
  }
}

TEST(SimulatedPlan, RepeatsItselfToTheLengthThatIsConfigured) {
  const auto plan = make_plan(saying("a b"), {.tokens = 5});
  ASSERT_TRUE(plan);
  EXPECT_EQ(said(*plan), "a b a b a");
}

TEST(SimulatedPlan, CallsAToolThatIsNamedOrRequired) {
  GenerateRequest request = saying("what is the weather like");
  request.tools = {{"clock", "", "{}"}, {"weather", "", "{}"}};
  auto plan = make_plan(request, {});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->calls.size(), 1);
  EXPECT_EQ(plan->calls[0].name, "weather");
  EXPECT_EQ(plan->calls[0].arguments, R"({"text":"what is the weather like"})");
  EXPECT_EQ(plan->finish, FinishReason::kToolCalls);
  request.tool_choice = ToolChoice::kNone;
  EXPECT_TRUE(make_plan(request, {})->calls.empty());
  request.messages.back().content = "hello";
  request.tool_choice = ToolChoice::kRequired;
  EXPECT_EQ(make_plan(request, {})->calls.at(0).name, "clock");
}

TEST(SimulatedPlan, RefusesAPromptBeyondTheContextWithTheCounts) {
  const auto plan = make_plan(saying("one two"), {.context = 4});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().message, "the prompt has 4 tokens, and the model's context is 4");
}

TEST(SimulatedPlan, EmbedsTheSameWordsAlike) {
  EXPECT_EQ(embed("a b", 8), embed("b a", 8));
  EXPECT_NE(embed("a b", 64), embed("a c", 64));
  EXPECT_EQ(embed("", 2), (std::vector<float>{1, 0}));
}

}  // namespace
}  // namespace sluice::simulated
