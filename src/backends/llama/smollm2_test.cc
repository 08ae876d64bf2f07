// The backend with a real model: SmolLM2-135M-Instruct, as scripts/setup fetches it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <boost/json.hpp>
#include <filesystem>
#include <thread>

#include "backends/llama/model.h"
#include "backends/llama/testing_home.h"
#include "backends/llama/testing_threads.h"
#include "base/testing_repository.h"

namespace sluice::llama {
namespace {

using testing::Caller;
using ::testing::HasSubstr;
using testing::Home;

LlamaOptions options_of(Sharing sharing) {
  return {.path = sluice::testing::in_repository("models/smollm2.gguf"),
          .context = 2048,
          .sharing = sharing};
}

class SmolLm2 : public ::testing::TestWithParam<Sharing> {
 protected:
  static void TearDownTestSuite() { loaded().clear(); }
  // Loaded once for each way of sharing.
  static std::map<Sharing, std::shared_ptr<LanguageModel>>& loaded() {
    static std::map<Sharing, std::shared_ptr<LanguageModel>> models;
    return models;
  }
  static std::shared_ptr<LanguageModel> load(const LlamaOptions& options) {
    static const SystemClock clock;
    static telemetry::Metrics metrics;
    auto made = load_model("smollm2", options, {clock, metrics});
    EXPECT_TRUE(made) << made.error().message;
    return made ? std::move(*made) : nullptr;
  }
  void SetUp() override {
    auto& model = loaded()[GetParam()];
    if (model == nullptr) model = load(options_of(GetParam()));
    ASSERT_NE(model, nullptr);
    model_ = model;
  }

  static GenerateRequest chat(std::string text, std::uint32_t tokens) {
    GenerateRequest request;
    request.messages = {{.role = "user", .content = std::move(text)}};
    request.max_tokens = tokens;
    request.sampling.temperature = 0;
    request.stream = true;
    return request;
  }
  static GenerateRequest plain(std::string prompt, std::uint32_t tokens) {
    GenerateRequest request = chat("", tokens);
    request.messages.clear();
    request.prompt = std::move(prompt);
    return request;
  }
  CancelHandle start(Caller& caller, GenerateRequest request,
                     ServiceClass of = ServiceClass::kRealtime, std::string_view tenant = "a") {
    const Call call{.home = &home_, .service_class = of, .tenant = tenant, .times = &caller.times};
    return model_->start(call, make_request(std::move(request)), caller);
  }
  void wait(Caller& caller) {
    home_.run_until([&] { return caller.done(); });
  }
  std::string answer(GenerateRequest request, ServiceClass of = ServiceClass::kRealtime,
                     std::string_view tenant = "a") {
    Caller caller;
    start(caller, std::move(request), of, tenant);
    wait(caller);
    EXPECT_TRUE(*caller.result) << caller.result->error().message;
    return *caller.result ? caller.text() : "";
  }

  Home home_;
  std::shared_ptr<LanguageModel> model_;
};

INSTANTIATE_TEST_SUITE_P(, SmolLm2, ::testing::Values(Sharing::kSplit, Sharing::kShared),
                         [](const auto& info) {
                           return std::string(info.param == Sharing::kSplit ? "Split" : "Shared");
                         });

TEST_P(SmolLm2, AnswersAQuestionAndStreamsItsWords) {
  Caller caller;
  start(caller, chat("What is gravity?", 200));
  wait(caller);
  ASSERT_TRUE(*caller.result) << caller.result->error().message;
  EXPECT_THAT(caller.text(), HasSubstr("force"));
  EXPECT_EQ(caller.streamed, caller.text());
  EXPECT_GT(caller.parts, 3U);
  EXPECT_EQ(caller.answer().choices[0].finish, FinishReason::kStop);
  EXPECT_GT(caller.answer().usage.prompt_tokens, 20U);
  EXPECT_GT(caller.answer().times.prompt, Duration::zero());
  EXPECT_GT(caller.answer().times.decode, Duration::zero());
}

TEST_P(SmolLm2, TheSamePromptHasTheSameAnswerAlsoFromAPrefixUsedAgain) {
  const std::string first = answer(chat("List three fruits.", 24));
  Caller caller;
  start(caller, chat("List three fruits.", 24));
  wait(caller);
  EXPECT_EQ(caller.text(), first);
  EXPECT_GT(caller.answer().usage.cached_tokens, 10U);
  Caller other;
  start(other, chat("List three fruits.", 24), ServiceClass::kRealtime, "another tenant");
  wait(other);
  EXPECT_EQ(other.answer().usage.cached_tokens, 0U);
  EXPECT_EQ(other.text(), first);
}

TEST_P(SmolLm2, ASeedMakesChanceRepeatable) {
  GenerateRequest request = chat("Tell me a story.", 20);
  request.sampling.temperature = 1.2;
  request.sampling.seed = 42;
  const std::string first = answer(request);
  EXPECT_EQ(answer(request), first);
  request.sampling.seed = 43;
  EXPECT_NE(answer(request), first);
}

TEST_P(SmolLm2, ASchemaIsKept) {
  GenerateRequest request = chat("Describe a cat named Tom who is 3 years old, as JSON.", 80);
  request.constraint = {Constraint::Kind::kJsonSchema,
                        R"({"type":"object","properties":{"name":{"type":"string","maxLength":20},
                            "age":{"type":"integer","minimum":0,"maximum":30}},"required":["name","age"],
                            "additionalProperties":false})"};
  const auto value = boost::json::parse(answer(request)).as_object();
  EXPECT_TRUE(value.at("name").is_string());
  EXPECT_TRUE(value.at("age").is_int64());
  EXPECT_EQ(value.size(), 2U);
}

TEST_P(SmolLm2, AGrammarIsKept) {
  GenerateRequest request = chat("Is water wet?", 10);
  request.constraint = {Constraint::Kind::kGrammar, R"(root ::= "yes" | "no")"};
  EXPECT_THAT(answer(request), ::testing::AnyOf("yes", "no"));
}

TEST_P(SmolLm2, WhatIsNoSchemaAndNoGrammarIsRefusedWithAReason) {
  for (const Constraint& broken : {Constraint{Constraint::Kind::kJsonSchema, "{"},
                                   Constraint{Constraint::Kind::kGrammar, "root ::= ("}}) {
    GenerateRequest request = chat("hello", 10);
    request.constraint = broken;
    Caller caller;
    start(caller, request);
    wait(caller);
    ASSERT_FALSE(*caller.result);
    EXPECT_EQ(caller.code(), ErrorCode::kInvalid);
    request.messages.clear();
    request.prompt = "hello";
    Caller prompt;
    start(prompt, request);
    wait(prompt);
    ASSERT_FALSE(*prompt.result);
    EXPECT_EQ(prompt.code(), ErrorCode::kInvalid);
  }
}

TEST_P(SmolLm2, AGrammarThatNothingFitsFailsItsAnswerAndNoOther) {
  GenerateRequest impossible = chat("hello", 10);
  impossible.constraint = {Constraint::Kind::kGrammar, R"(root ::= "\x00")"};
  Caller caller;
  start(caller, impossible);
  wait(caller);
  ASSERT_FALSE(*caller.result);
  EXPECT_EQ(caller.code(), ErrorCode::kInvalid);
  GenerateRequest endless = chat("hello", 10);
  endless.constraint = {Constraint::Kind::kGrammar, R"(root ::= "yes")"};
  endless.sampling.ignore_end = true;
  Caller other;
  start(other, endless);
  wait(other);
  ASSERT_FALSE(*other.result);
  EXPECT_EQ(other.code(), ErrorCode::kInvalid);
  EXPECT_FALSE(answer(plain("The capital of France is", 3)).empty());
}

TEST_P(SmolLm2, LogprobsAreThoseOfTheTokensToldAndAddUpToAtMostOne) {
  GenerateRequest request = chat("What is the capital of France?", 8);
  request.logprobs = 5;
  Caller caller;
  start(caller, request);
  wait(caller);
  const Choice& choice = caller.answer().choices[0];
  std::string text;
  for (const TokenLogprob& token : choice.logprobs) {
    text += token.token;
    EXPECT_LE(token.logprob, 0);
    ASSERT_EQ(token.top.size(), 5U);
    EXPECT_EQ(token.top[0].first, token.token) << "greedy takes the likeliest";
    double all = 0;
    for (const auto& [piece, logprob] : token.top) all += std::exp(logprob);
    EXPECT_LE(all, 1.0001);
  }
  EXPECT_EQ(text, choice.text);
}

TEST_P(SmolLm2, TooLongAPromptIsRefusedWithTheCounts) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "word ";
  Caller caller;
  start(caller, chat(text, 10));
  wait(caller);
  ASSERT_FALSE(*caller.result);
  EXPECT_EQ(caller.code(), ErrorCode::kInvalid);
  EXPECT_THAT(caller.result->error().message, HasSubstr("2048 tokens"));
}

TEST_P(SmolLm2, StopTextsEndAnAnswerAcrossTokens) {
  GenerateRequest request = chat("What is gravity?", 40);
  const std::string whole = answer(request);
  const std::string stop = whole.substr(whole.size() / 2, 7);  // across several tokens
  request.stop = {stop};
  EXPECT_EQ(answer(request), whole.substr(0, whole.find(stop)));
}

// The promise of the whole: people come and go, and what nobody waits for is, token for token, what
// it would have been alone.
TEST_P(SmolLm2, BestEffortIsTheSameWithAndWithoutInterruptions) {
  std::string text = "Summarise this: ";
  for (int i = 0; i < 60; ++i) text += "The quick brown fox jumps over the lazy dog. ";
  const std::string alone = answer(chat(text, 40), ServiceClass::kBestEffort, "alone");
  Caller background;
  start(background, chat(text, 40), ServiceClass::kBestEffort, "interrupted");
  // Without slots before it nothing holds people back, so they must come to an end.
  for (std::size_t people = 0; people < 5; ++people) {
    Caller person;
    start(person, chat("Hello number " + std::to_string(people), 3), ServiceClass::kRealtime,
          "people");
    wait(person);
    EXPECT_TRUE(*person.result);
  }
  EXPECT_FALSE(background.done()) << "it was not interrupted";
  wait(background);
  EXPECT_EQ(background.text(), alone);
}

TEST_P(SmolLm2, ACancelledCallGivesItsPlaceBack) {
  for (int round = 0; round < 5; ++round) {
    Caller caller;
    CancelHandle handle = start(caller, chat("Tell me a very long story.", 500));
    home_.run_until([&] { return caller.parts > 0 || caller.done(); });
    handle.cancel();
    ASSERT_TRUE(caller.done());
    EXPECT_EQ(caller.code(), ErrorCode::kCancelled);
  }
  EXPECT_THAT(answer(plain("The capital of France is", 3)), HasSubstr("Paris"));
}

TEST_P(SmolLm2, ATemplateWithoutToolsAnswersInTextAndRefusesToBeHeldToACall) {
  GenerateRequest request = chat("Say hi.", 12);
  request.tools = {{.name = "weather", .description = "of a city", .parameters = "{}"}};
  Caller caller;
  start(caller, request);
  wait(caller);
  ASSERT_TRUE(*caller.result) << caller.result->error().message;
  EXPECT_FALSE(caller.streamed.empty());
  EXPECT_EQ(caller.streamed, caller.answer().choices[0].text);
  request.tool_choice = ToolChoice::kRequired;
  Caller held;
  start(held, request);
  wait(held);
  EXPECT_EQ(held.code(), ErrorCode::kInvalid);
  EXPECT_THAT(held.result->error().message, HasSubstr("knows no tools"));
}

// Beside best effort a thread that is woken lands where that computes; alone, one that is nailed
// stands in the way of what delivers its tokens.
TEST_P(SmolLm2, RealtimesThreadsAreNailedToProcessorsOnlyWhileBestEffortComputes) {
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  const bool can = GetParam() == Sharing::kSplit && CPU_COUNT(&all) > 1;
  const auto nailed = [] {
    int count = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      cpu_set_t set;
      const pid_t id = std::stoi(task.path().filename());
      if (sched_getaffinity(id, sizeof set, &set) == 0) count += CPU_COUNT(&set) == 1 ? 1 : 0;
    }
    return count;
  };
  answer(plain("One two three", 3));
  const int alone = nailed();  // workers that sleep until they are wanted
  Caller work;
  auto handle = start(work, plain("Once upon a time", 2000), ServiceClass::kBestEffort);
  home_.run_until([&] { return work.parts > 0 || work.done(); });
  ASSERT_FALSE(work.done());
  answer(plain("One two three", 3));
  EXPECT_EQ(nailed(), alone + (can ? 1 : 0)) << "the engine's own thread";
  handle.cancel();
  wait(work);
  // Its engine may still be in the last step, which at SCHED_IDLE would hardly come to an end
  // behind the people below. Then it has only to say that it rests.
  answer(plain("One", 1), ServiceClass::kBestEffort);
  for (int i = 0; i < 100 && nailed() != alone; ++i) answer(plain("One two three", 3));
  EXPECT_EQ(nailed(), alone);
}

// The engine's thread and the one that it made; where the context is shared, people wait for them.
TEST_P(SmolLm2, ThreadsOfBestEffortGiveWayToEverybody) {
  answer(plain("One two three", 1), ServiceClass::kBestEffort);  // all threads are there
  const int before = testing::idle_threads();
  LlamaOptions options = options_of(GetParam());
  options.threads = 2;
  options.context = 256;
  model_ = load(options);
  ASSERT_NE(model_, nullptr);
  answer(plain("One two three", 1));
  answer(plain("One two three", 1), ServiceClass::kBestEffort);
  EXPECT_EQ(testing::idle_threads() - before, GetParam() == Sharing::kSplit ? 2 : 0);
}

TEST_P(SmolLm2, TellsWhetherItsContextIsShared) {
  const auto& properties = model_->describe().properties;
  EXPECT_EQ(std::get<std::string>(properties.find(kSharingProperty)->second),
            GetParam() == Sharing::kSplit ? "split" : "shared");
}

TEST(SmolLm2File, SaysWhichFileIsNoModelAndWhy) {
  const SystemClock clock;
  telemetry::Metrics metrics;
  LlamaOptions options = options_of(Sharing::kAuto);
  options.path = "/nowhere/model.gguf";
  EXPECT_THAT(load_model("x", options, {clock, metrics}).error().message,
              HasSubstr("/nowhere/model.gguf"));
  options.path = sluice::testing::in_repository("models/iris.onnx");
  EXPECT_THAT(load_model("x", options, {clock, metrics}).error().message, HasSubstr("iris.onnx"));
#ifndef SLUICE_CUDA
  options = options_of(Sharing::kAuto);
  options.gpu_layers = -1;
  EXPECT_THAT(load_model("x", options, {clock, metrics}).error().message, HasSubstr("gpu_layers"));
#endif
}

}  // namespace
}  // namespace sluice::llama
