#include "backends/llama/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/llama/testing_engine.h"
#include "backends/llama/testing_home.h"
#include "telemetry/testing_numbers.h"

namespace sluice::llama {
namespace {

using testing::answer_to;
using testing::Caller;
using testing::FakeContext;
using testing::FakePrompter;
using testing::Gate;
using ::testing::HasSubstr;
using testing::Home;
using testing::Seen;
using testing::tokens_of;

class EngineTest : public ::testing::Test {
 protected:
  void make(std::uint32_t sequences, DriverOptions driver = {}, std::uint32_t length = 4096) {
    engine_ =
        std::make_unique<Engine>(EngineOptions{.model = "fake",
                                               .driver = driver,
                                               .call_limit = 8,
                                               .metrics = engine_metrics(metrics_, "fake")},
                                 std::make_unique<FakeContext>(sequences, length, gate_, seen_),
                                 std::make_unique<FakePrompter>(), clock_, nullptr);
  }
  static GenerateRequest ask(std::string prompt, std::uint32_t tokens) {
    GenerateRequest request;
    request.prompt = std::move(prompt);
    request.max_tokens = tokens;
    request.stream = true;
    return request;
  }
  std::shared_ptr<EngineCall> start(Caller& caller, GenerateRequest request,
                                    ServiceClass service_class = ServiceClass::kRealtime,
                                    std::string_view tenant = "a", Deadline deadline = {}) {
    const Call call{.home = &home_,
                    .deadline = deadline,
                    .service_class = service_class,
                    .tenant = tenant,
                    .times = &caller.times};
    auto own = std::make_shared<EngineCall>(call, make_request(std::move(request)), caller);
    engine_->submit(own);
    return own;
  }
  void wait(Caller& caller) {
    home_.run_until([&] { return caller.result.has_value(); });
  }
  void TearDown() override { EXPECT_FALSE(seen_.wrong_position); }

  SystemClock clock_;
  telemetry::Metrics metrics_;
  Home home_;
  Gate gate_;
  Seen seen_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, AnswersAPromptAndStreamsTheSameText) {
  make(2);
  Caller caller;
  start(caller, ask("hello there", 5));
  wait(caller);
  ASSERT_TRUE(*caller.result) << caller.result->error().message;
  EXPECT_EQ(caller.text(), answer_to(tokens_of("hello there"), 5));
  EXPECT_EQ(caller.streamed, caller.text());
  EXPECT_EQ(caller.answer().choices[0].finish, FinishReason::kLength);
  EXPECT_EQ(caller.answer().usage.prompt_tokens, 11U);
  EXPECT_EQ(caller.answer().usage.completion_tokens, 5U);
  EXPECT_NE(caller.times.first, TimePoint{});
}

TEST_F(EngineTest, ManyCallsSideBySideAnswerAsEachWouldAlone) {
  make(3, {.step_tokens = 16, .chunk_beside_decoding = 4});
  std::vector<Caller> callers(8);
  for (std::size_t i = 0; i < callers.size(); ++i) {
    start(callers[i], ask("prompt number " + std::to_string(i) + std::string(i * 7, 'x'), 20));
  }
  for (std::size_t i = 0; i < callers.size(); ++i) {
    wait(callers[i]);
    EXPECT_EQ(
        callers[i].text(),
        answer_to(tokens_of("prompt number " + std::to_string(i) + std::string(i * 7, 'x')), 20));
  }
}

// The first token comes of the prompt's last step, and the last one is not computed on.
TEST_F(EngineTest, CountsTheTokensThatItComputesByClassAndKind) {
  make(1);
  Caller person;
  start(person, ask(std::string(100, 'p'), 4));
  wait(person);
  Caller work;
  start(work, ask(std::string(30, 'b'), 2), ServiceClass::kBestEffort, "another tenant");
  wait(work);
  const auto tokens = [this](std::string_view service_class, std::string_view kind) {
    return telemetry::testing::number_of(metrics_, "sluice_engine_tokens_total",
                                         {"fake", service_class, kind});
  };
  EXPECT_EQ(tokens("realtime", "prompt"), 100);
  EXPECT_EQ(tokens("realtime", "completion"), 3);
  EXPECT_EQ(tokens("best_effort", "prompt"), 30);
  EXPECT_EQ(tokens("best_effort", "completion"), 1);
}

TEST_F(EngineTest, StopsBeforeAStopText) {
  make(1);
  const std::string whole = answer_to(tokens_of("p"), 6);
  const std::string third = whole.substr(whole.find(' ', whole.find(' ') + 1) + 1);
  GenerateRequest request = ask("p", 100);
  request.stop = {third.substr(0, third.find(' '))};
  Caller caller;
  start(caller, request);
  wait(caller);
  EXPECT_EQ(caller.text(), whole.substr(0, whole.find(third)));
  EXPECT_EQ(caller.answer().choices[0].finish, FinishReason::kStop);
}

TEST_F(EngineTest, StreamsWhatAModelThinksApartFromWhatItSays) {
  make(1);
  GenerateRequest request = ask("p", 6);
  request.reasoning = ReasoningEffort::kHigh;
  for (const bool stream : {true, false}) {
    request.stream = stream;
    Caller caller;
    start(caller, request);
    wait(caller);
    const Choice& choice = caller.answer().choices[0];
    EXPECT_EQ(choice.reasoning + choice.text, answer_to(tokens_of("p"), 6));
    EXPECT_EQ(std::ranges::count(choice.reasoning, ' '), 2);
    EXPECT_EQ(caller.streamed, stream ? choice.text : "");
    EXPECT_EQ(caller.thought, stream ? choice.reasoning : "");
  }
}

TEST_F(EngineTest, StreamsWhatAnAnswerWithToolsSaysAndKeepsTheCallForTheEnd) {
  make(1);
  GenerateRequest request = ask("p", 12);
  request.tools = {{.name = "f", .description = "", .parameters = "{}"}};
  for (const bool stream : {true, false}) {
    request.stream = stream;
    Caller caller;
    start(caller, request);
    wait(caller);
    const Choice& choice = caller.answer().choices[0];
    EXPECT_EQ(std::ranges::count(choice.text, ' '), 3);
    EXPECT_EQ(choice.text + choice.tool_calls.at(0).arguments, answer_to(tokens_of("p"), 12));
    EXPECT_EQ(caller.streamed, stream ? choice.text : "");
    EXPECT_EQ(caller.parts > 2, stream) << "as it comes";
  }
}

TEST_F(EngineTest, SeveralAnswersShareTheirPrompt) {
  make(3);
  const std::string prompt(200, 'q');
  GenerateRequest request = ask(prompt, 4);
  request.choices = 3;
  Caller caller;
  start(caller, request);
  wait(caller);
  ASSERT_EQ(caller.answer().choices.size(), 3U);
  for (const Choice& choice : caller.answer().choices) {
    EXPECT_EQ(choice.text, answer_to(tokens_of(prompt), 4));
  }
  EXPECT_EQ(seen_.copied, 2U);
  EXPECT_LT(seen_.tokens, 200U + 3 * 5);
}

TEST_F(EngineTest, APromptLikeTheLastOneIsNotComputedAgain) {
  make(1);
  const std::string prompt(100, 'p');
  Caller first;
  start(first, ask(prompt, 2));
  wait(first);
  Caller second;
  start(second, ask(prompt + "more", 2));
  wait(second);
  EXPECT_EQ(second.answer().usage.cached_tokens, 100U);
  EXPECT_EQ(second.text(), answer_to(tokens_of(prompt + "more"), 2));
  Caller other;
  start(other, ask(prompt, 2), ServiceClass::kRealtime, "another tenant");
  wait(other);
  EXPECT_EQ(other.answer().usage.cached_tokens, 0U);
}

TEST_F(EngineTest, RefusesWhatDoesNotFitTheContextWithTheCounts) {
  make(1, {}, 64);
  Caller caller;
  start(caller, ask(std::string(60, 'x'), 5));
  wait(caller);
  EXPECT_EQ(caller.code(), ErrorCode::kInvalid);
  EXPECT_EQ(caller.result->error().detail, ErrorDetail::kContextLength);
  EXPECT_THAT(caller.result->error().message, HasSubstr("60 tokens and 5"));
  EXPECT_THAT(caller.result->error().message, HasSubstr("64"));
}

TEST_F(EngineTest, WithoutALimitGoesOnToTheEndOfTheContext) {
  make(1, {}, 64);
  Caller caller;
  GenerateRequest request = ask(std::string(60, 'x'), 0);
  request.max_tokens.reset();
  start(caller, request);
  wait(caller);
  EXPECT_EQ(caller.answer().usage.completion_tokens, 4U);
  EXPECT_EQ(caller.answer().choices[0].finish, FinishReason::kLength);
}

TEST_F(EngineTest, CutsACeilingOfTokensToWhatTheContextLeaves) {
  make(1, {}, 64);
  for (const std::uint32_t most : {3U, 5U, ~0U}) {
    Caller caller;
    GenerateRequest request = ask(std::string(60, 'x'), most);
    request.max_tokens_is_a_ceiling = true;
    start(caller, request);
    wait(caller);
    ASSERT_TRUE(*caller.result) << caller.result->error().message;
    EXPECT_EQ(caller.answer().usage.completion_tokens, std::min(most, 4U));
    EXPECT_EQ(caller.answer().choices[0].finish, FinishReason::kLength);
  }
  Caller none_left;
  GenerateRequest request = ask(std::string(64, 'x'), 5);
  request.max_tokens_is_a_ceiling = true;
  start(none_left, request);
  wait(none_left);
  EXPECT_EQ(none_left.result->error().detail, ErrorDetail::kContextLength);
  EXPECT_THAT(none_left.result->error().message, HasSubstr("64 tokens and 1"));
}

TEST_F(EngineTest, TellsWhatItsModelDoesNotTake) {
  make(1);
  Caller caller;
  start(caller, ask("refused", 5));
  wait(caller);
  EXPECT_EQ(caller.code(), ErrorCode::kInvalid);
}

TEST_F(EngineTest, ACancelledCallIsAnsweredAtOnceAndItsStepGivenUp) {
  make(1);
  gate_.close();
  Caller caller;
  const auto call = start(caller, ask("hello", 50));
  gate_.wait_for(1);
  call->cancel();
  ASSERT_TRUE(caller.result);
  EXPECT_EQ(caller.code(), ErrorCode::kCancelled);
  Caller next;
  start(next, ask("next", 3));
  gate_.wait_for(2);  // the first step has ended though the gate is shut
  gate_.open();
  wait(next);
  EXPECT_EQ(next.text(), answer_to(tokens_of("next"), 3));
}

TEST_F(EngineTest, OthersInAStepThatIsGivenUpLoseNothing) {
  make(2, {.step_tokens = 64});
  gate_.close();
  Caller small;
  start(small, ask("abc", 6));
  gate_.pass(2);
  gate_.wait_for(3);
  Caller large;
  const auto call = start(large, ask(std::string(200, 'l'), 5));
  gate_.pass(1);
  gate_.wait_for(4);
  seen_.kept_of_a_part = 1;
  call->cancel();
  gate_.wait_for(5);  // the fourth step has ended though the gate is shut
  gate_.open();
  wait(small);
  EXPECT_EQ(small.text(), answer_to(tokens_of("abc"), 6));
}

TEST_F(EngineTest, PastItsDeadlineACallIsATimeout) {
  make(1);
  gate_.close();
  Caller caller;
  start(caller, ask("hello", 50), ServiceClass::kRealtime, "a",
        Deadline(home_.now() + std::chrono::hours(1)));
  gate_.wait_for(1);
  home_.fire();
  EXPECT_EQ(caller.code(), ErrorCode::kTimeout);
  gate_.open();
}

TEST_F(EngineTest, AStepThatFailsFailsItsCallsAndNoOthers) {
  make(1);
  seen_.fail_next = true;
  Caller caller;
  start(caller, ask("hello", 5));
  Caller next;
  start(next, ask("next", 3));
  wait(caller);
  wait(next);
  EXPECT_EQ(caller.code(), ErrorCode::kInternal);
  EXPECT_EQ(next.text(), answer_to(tokens_of("next"), 3));
}

TEST_F(EngineTest, RealtimeParksBestEffortWhichGoesOnTokenForToken) {
  make(1, {.shared = true});
  gate_.close();
  Caller background;
  start(background, ask("in no hurry at all", 30), ServiceClass::kBestEffort);
  gate_.pass(6);
  gate_.wait_for(7);
  Caller person;
  start(person, ask("quick", 4));
  gate_.open();
  wait(person);
  EXPECT_FALSE(background.result);
  wait(background);
  EXPECT_EQ(person.text(), answer_to(tokens_of("quick"), 4));
  EXPECT_EQ(background.text(), answer_to(tokens_of("in no hurry at all"), 30));
  EXPECT_EQ(background.streamed, background.text());
  EXPECT_GE(seen_.saved, 1U);
}

TEST_F(EngineTest, BeyondItsBoundCallsAreRefusedWhetherTheyHaveAPlaceOrNot) {
  make(2);
  gate_.close();
  std::vector<Caller> callers(9);
  for (Caller& caller : callers) {
    start(caller, ask("a", 1));
    gate_.wait_for(1);  // the first have been taken in
  }
  wait(callers[8]);
  EXPECT_EQ(callers[8].code(), ErrorCode::kExhausted);
  gate_.open();
  for (std::size_t i = 0; i < 8; ++i) {
    wait(callers[i]);
    EXPECT_TRUE(*callers[i].result);
  }
  Caller again;
  start(again, ask("a", 1));
  wait(again);
  EXPECT_TRUE(*again.result);
}

TEST_F(EngineTest, AnAnswerThatCannotGoOnFailsAlone) {
  make(2);
  seen_.impossible_after = 3;
  Caller bound;
  GenerateRequest request = ask("bound", 50);
  request.constraint.kind = Constraint::Kind::kGrammar;
  start(bound, request);
  Caller free;
  start(free, ask("free", 10));
  wait(bound);
  wait(free);
  EXPECT_EQ(bound.code(), ErrorCode::kInvalid);
  EXPECT_EQ(free.text(), answer_to(tokens_of("free"), 10));
}

TEST_F(EngineTest, AParkedSequenceWhoseStateIsLostIsComputedAgain) {
  make(1, {.shared = true});
  gate_.close();
  Caller background;
  start(background, ask("in no hurry at all", 20), ServiceClass::kBestEffort);
  gate_.pass(6);
  gate_.wait_for(7);
  seen_.lose_states = true;
  Caller person;
  start(person, ask("quick", 4));
  gate_.open();
  wait(person);
  wait(background);
  EXPECT_EQ(background.text(), answer_to(tokens_of("in no hurry at all"), 20));
}

TEST_F(EngineTest, WhatIsThereAtItsEndIsToldThatTheModelHasGone) {
  make(1);
  gate_.close();
  Caller running;
  Caller waiting;
  const auto call = start(running, ask("a", 10));
  gate_.wait_for(1);
  start(waiting, ask("b", 10));
  engine_.reset();
  wait(running);
  wait(waiting);
  EXPECT_EQ(running.code(), ErrorCode::kUnavailable);
  EXPECT_EQ(waiting.code(), ErrorCode::kUnavailable);
  call->cancel();  // says nothing any more, and breaks nothing
}

}  // namespace
}  // namespace sluice::llama
