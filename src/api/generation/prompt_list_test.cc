#include "api/generation/prompt_list.h"

#include <gtest/gtest.h>

#include "inference/testing_callable.h"
#include "runtime/manual_executor.h"

namespace sluice::api::generation {
namespace {

using sluice::testing::FakeCallable;

struct Heard final : Sink {
  std::vector<Part> parts;
  std::vector<Result<Response>> results;
  void on_part(Part part) override { parts.push_back(std::move(part)); }
  void on_result(Result<Response> result) override { results.push_back(std::move(result)); }
};

class PromptListTest : public ::testing::Test {
 protected:
  CancelHandle ask(std::vector<std::string> prompts, std::uint32_t choices = 1) {
    GenerateRequest request;
    request.prompt = prompts.front();
    request.choices = choices;
    Call call{.home = &home_};
    call.times = &times_;
    return ask_each(model_, std::move(prompts))->start(call, make_request(request), heard_);
  }
  // No call is left without an end: it keeps itself until then.
  void TearDown() override {
    while (!model_->pending.empty()) model_->reply(saying({""}));
  }
  static std::vector<std::string> numbered(std::size_t count) {
    std::vector<std::string> prompts;
    for (std::size_t i = 0; i < count; ++i) prompts.push_back(std::to_string(i));
    return prompts;
  }
  [[nodiscard]] std::string prompt(std::size_t pending) const {
    return *std::get<GenerateRequest>(*model_->pending.at(pending)->request).prompt;
  }
  static GenerateResponse saying(std::vector<std::string> texts) {
    GenerateResponse response{.model = "m", .usage = {.prompt_tokens = 3, .completion_tokens = 2}};
    for (std::string& text : texts) response.choices.push_back({.text = std::move(text)});
    return response;
  }
  [[nodiscard]] const GenerateResponse& answer() const {
    return std::get<GenerateResponse>(*heard_.results.at(0));
  }

  ManualExecutor home_;
  CallTimes times_;
  std::shared_ptr<FakeCallable> model_ = std::make_shared<FakeCallable>("m");
  Heard heard_;
};

TEST_F(PromptListTest, JoinsTheAnswersInTheOrderOfThePromptsWhateverTheOrderTheyComeIn) {
  ask(numbered(3), 2);
  ASSERT_EQ(model_->pending.size(), 3);
  const auto pending = model_->pending;
  pending[2]->reply(saying({"e", "f"}));
  pending[0]->reply(saying({"a", "b"}));
  EXPECT_TRUE(heard_.results.empty());
  pending[1]->reply(saying({"c", "d"}));
  ASSERT_EQ(heard_.results.size(), 1);
  std::string texts;
  for (const Choice& choice : answer().choices) texts += choice.text;
  EXPECT_EQ(texts, "abcdef");
  EXPECT_EQ(answer().model, "m");
  EXPECT_EQ(answer().usage.prompt_tokens, 9);
  EXPECT_EQ(answer().usage.completion_tokens, 6);
}

TEST_F(PromptListTest, NumbersThePartsOfAStreamByTheChoicesOfAll) {
  ask(numbered(2), 2);
  model_->pending[1]->sink->on_part({.choice = 1, .text = "x"});
  ASSERT_EQ(heard_.parts.size(), 1);
  EXPECT_EQ(heard_.parts[0].choice, 3);
}

TEST_F(PromptListTest, HasAFewUnderWayAndBeginsTheNextWhenOneHasEnded) {
  ask(numbered(6));
  EXPECT_EQ(model_->pending.size(), kPromptsAtOnce);
  model_->reply(saying({"a"}));
  EXPECT_EQ(model_->starts, kPromptsAtOnce + 1);
  EXPECT_EQ(prompt(model_->pending.size() - 1), "4");
  while (!model_->pending.empty()) model_->reply(saying({"a"}));
  EXPECT_EQ(answer().choices.size(), 6);
}

TEST_F(PromptListTest, EndsAllWithTheFirstThatFails) {
  ask(numbered(6));
  model_->pending[1]->reply(fail(internal("broken")));
  ASSERT_EQ(heard_.results.size(), 1);
  EXPECT_EQ(heard_.results[0].error().message, "broken");
  EXPECT_EQ(model_->starts, kPromptsAtOnce) << "no other was begun";
  for (const auto& call : model_->pending) EXPECT_EQ(call->sink, nullptr);
}

TEST_F(PromptListTest, AsksAgainWhatItsOwnOthersLeftNoRoomFor) {
  ask(numbered(4));
  model_->pending[3]->reply(fail(Error{ErrorCode::kExhausted, "full"}));
  model_->pending[2]->reply(fail(Error{ErrorCode::kExhausted, "full"}));
  EXPECT_TRUE(heard_.results.empty());
  EXPECT_EQ(model_->starts, 4) << "not before another has ended";
  model_->pending.resize(2);  // those that are under way
  std::vector<std::string> order;
  while (!model_->pending.empty()) {
    order.push_back(prompt(0));
    model_->reply(saying({order.back()}));
  }
  EXPECT_EQ(order, (std::vector<std::string>{"0", "1", "3", "2"}));
  std::string texts;
  for (const Choice& choice : answer().choices) texts += choice.text;
  EXPECT_EQ(texts, "0123");
}

TEST_F(PromptListTest, IsRefusedWhereOthersLeaveNoRoomForAnyOfIt) {
  ask(numbered(2));
  model_->pending[1]->reply(fail(Error{ErrorCode::kExhausted, "full"}));
  EXPECT_TRUE(heard_.results.empty());
  model_->pending[0]->reply(fail(Error{ErrorCode::kExhausted, "full"}));
  ASSERT_EQ(heard_.results.size(), 1);
  EXPECT_EQ(heard_.results[0].error().code, ErrorCode::kExhausted);
}

TEST_F(PromptListTest, AnswersWhenTheLastHasReportedThatItWasCancelled) {
  model_->reports_within_cancel = false;
  CancelHandle handle = ask(numbered(3));
  const auto pending = model_->pending;
  handle.cancel();
  for (const auto& call : pending) {
    EXPECT_TRUE(call->cancelled);
    EXPECT_TRUE(heard_.results.empty());
    call->sink->on_part({.text = "late"});
    call->reply(fail(cancelled("told to stop")));
  }
  ASSERT_EQ(heard_.results.size(), 1);
  EXPECT_EQ(heard_.results[0].error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(heard_.parts.empty());
}

// The second call to begin ends the first, which fails.
class Jealous final : public FakeCallable {
 public:
  using FakeCallable::FakeCallable;
  CancelHandle start(const Call& call, RequestPtr request, Sink& sink) override {
    CancelHandle handle = FakeCallable::start(call, std::move(request), sink);
    if (starts == 2) pending[0]->reply(fail(internal("pushed out")));
    return handle;
  }
};

TEST_F(PromptListTest, CancelsTheOneThatIsJustBeginningWhenAnotherFails) {
  model_ = std::make_shared<Jealous>("m");
  ask(numbered(3));
  EXPECT_EQ(model_->starts, 2);
  EXPECT_TRUE(model_->pending.at(1)->cancelled);
  ASSERT_EQ(heard_.results.size(), 1);
  EXPECT_EQ(heard_.results[0].error().message, "pushed out");
}

// Answers at once, before start() returns.
class Prompt final : public FakeCallable {
 public:
  using FakeCallable::FakeCallable;
  CancelHandle start(const Call&, RequestPtr request, Sink& sink) override {
    GenerateResponse response;
    response.choices.push_back({.text = *std::get<GenerateRequest>(*request).prompt});
    sink.on_result(std::move(response));
    return {};
  }
};

TEST_F(PromptListTest, TakesAnswersThatAreThereAtOnce) {
  model_ = std::make_shared<Prompt>("m");
  EXPECT_FALSE(ask(numbered(kMaxPrompts)));
  ASSERT_EQ(answer().choices.size(), kMaxPrompts);
  EXPECT_EQ(answer().choices.back().text, std::to_string(kMaxPrompts - 1));
}

}  // namespace
}  // namespace sluice::api::generation
