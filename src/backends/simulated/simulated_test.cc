#include "backends/simulated/simulated.h"

#include <gtest/gtest.h>

#include "runtime/manual_executor.h"

namespace sluice::simulated {
namespace {

using namespace std::chrono_literals;

struct Heard final : Sink {
  std::string text;
  int parts = 0;
  std::vector<Result<Response>> results;
  void on_part(Part part) override {
    text += part.text;
    ++parts;
  }
  void on_result(Result<Response> result) override { results.push_back(std::move(result)); }
  [[nodiscard]] const GenerateResponse& answer() const {
    return std::get<GenerateResponse>(*results.at(0));
  }
};

RequestPtr asking(std::string prompt) {
  GenerateRequest request;
  request.prompt = std::move(prompt);
  request.stream = true;
  return make_request(std::move(request));
}

class SimulatedTest : public ::testing::Test {
 protected:
  Call call(CallTimes* times = nullptr) { return {.home = &home_, .deadline = {}, .times = times}; }
  ManualExecutor home_;
};

TEST_F(SimulatedTest, GivesItsTokensAtTheTimesThatAreConfigured) {
  Simulated model("m", {.prompt_time = 10ms, .token_time = 5ms});
  CallTimes times;
  Heard heard;
  auto handle = model.start(call(&times), asking("one two three"), heard);
  home_.advance(29ms);
  EXPECT_EQ(heard.text, "");
  home_.advance(1ms);
  EXPECT_EQ(heard.text, "one");
  home_.advance(5ms);
  EXPECT_EQ(heard.text, "one two");
  EXPECT_TRUE(heard.results.empty());
  home_.advance(5ms);
  ASSERT_EQ(heard.results.size(), 1);
  EXPECT_EQ(heard.answer().choices.at(0).text, "one two three");
  EXPECT_EQ(heard.answer().times.prompt, 30ms);
  EXPECT_EQ(heard.answer().times.decode, 10ms);
  EXPECT_EQ(times.ran - times.started, 40ms);
  EXPECT_EQ(times.first - times.started, 30ms);
  EXPECT_EQ(home_.pending_timers(), 0);
}

TEST_F(SimulatedTest, EndsACancelledCallAtOnce) {
  Simulated model("m", {.token_time = 1s});
  Heard first;
  Heard second;
  auto handle = model.start(call(), asking("a b"), first);
  auto other = model.start(call(), asking("c"), second);
  home_.advance(100ms);
  EXPECT_EQ(first.text, "a");
  handle.cancel();
  ASSERT_EQ(first.results.size(), 1);
  EXPECT_EQ(first.results[0].error().code, ErrorCode::kCancelled);
  EXPECT_EQ(second.text, "c");
  EXPECT_EQ(home_.pending_timers(), 0);
}

TEST_F(SimulatedTest, FailsAndStallsWhereItIsToldTo) {
  Simulated failing("m", {.fail_at = 1});
  Heard failed;
  auto one = failing.start(call(), asking("a b"), failed);
  home_.advance(1ms);
  EXPECT_EQ(failed.text, "a");
  ASSERT_EQ(failed.results.size(), 1);
  EXPECT_EQ(failed.results[0].error().code, ErrorCode::kUnavailable);

  Simulated stalling("m", {.stall_at = 1});
  Heard stalled;
  Call bounded = call();
  bounded.deadline = Deadline::after(home_.now(), 1s);
  auto two = stalling.start(bounded, asking("a b"), stalled);
  home_.advance(999ms);
  EXPECT_EQ(stalled.text, "a");
  EXPECT_TRUE(stalled.results.empty());
  home_.advance(1ms);
  ASSERT_EQ(stalled.results.size(), 1);
  EXPECT_EQ(stalled.results[0].error().code, ErrorCode::kTimeout);
}

TEST_F(SimulatedTest, GivesEveryChoiceItsPartsAndCountsThemAll) {
  Simulated model("m", {});
  GenerateRequest request;
  request.prompt = "a b";
  request.choices = 2;
  request.stream = true;
  request.logprobs = 2;
  Heard heard;
  auto handle = model.start(call(), make_request(std::move(request)), heard);
  home_.advance(1ms);
  EXPECT_EQ(heard.text, "aa b b");
  EXPECT_EQ(heard.answer().choices.size(), 2);
  EXPECT_EQ(heard.answer().usage.completion_tokens, 4);
  EXPECT_EQ(heard.answer().choices[1].logprobs.at(1).top.size(), 2);
}

}  // namespace
}  // namespace sluice::simulated
