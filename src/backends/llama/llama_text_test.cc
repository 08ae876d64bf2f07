// Prompts and answers by chat templates, with the vocabulary of a real model; nothing is computed.
#include "backends/llama/llama_text.h"

#include <gtest/gtest.h>

#include "base/testing_repository.h"

namespace sluice::llama {
namespace {

// Answers begin within a thought, which ends with its mark, unless none is wanted.
constexpr std::string_view kThinking = R"({% for m in messages %}<|im_start|>{{ m.role }}
{% if m.role == 'assistant' and m.reasoning_content %}<think>
{{ m.reasoning_content }}
</think>

{% endif %}{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% if enable_thinking is defined and enable_thinking is false %}<think>

</think>

{% else %}<think>
{% endif %}{% endif %})";

class LlamaTextTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto loaded = Weights::load(sluice::testing::in_repository("models/smollm2.gguf"), 0);
    ASSERT_TRUE(loaded) << loaded.error().message;
    weights_ = std::move(*loaded);
  }
  Prepared prepare(const GenerateRequest& request, std::string_view chat_template = {}) {
    auto prompter = make_prompter(weights_, std::string(chat_template));
    EXPECT_TRUE(prompter) << prompter.error().message;
    auto prepared = (*prompter)->prepare(request);
    EXPECT_TRUE(prepared) << prepared.error().message;
    return std::move(*prepared);
  }
  static GenerateRequest chat() {
    GenerateRequest request;
    request.messages = {{.role = "user", .content = "What is 40 + 2?"}};
    return request;
  }

  std::shared_ptr<const Weights> weights_;
};

TEST_F(LlamaTextTest, TakesThoughtsOutOfAnAnswerWhoseTemplateHasThem) {
  const ReadAnswer read = prepare(chat(), kThinking).read;
  ASSERT_TRUE(read);
  const Choice whole = read("It is easy.\n</think>\n\n42", true);
  EXPECT_EQ(whole.reasoning, "It is easy.\n");
  EXPECT_EQ(whole.text, "42");
  const Choice begun = read("It is", false);
  EXPECT_EQ(begun.reasoning, "It is");
  EXPECT_EQ(begun.text, "");
}

TEST_F(LlamaTextTest, LeavesThinkingOutWhereNoneIsWantedOrTheAnswerIsHeldToAFormat) {
  const std::size_t thinking = prepare(chat(), kThinking).prompt.size();
  GenerateRequest none = chat();
  none.reasoning = ReasoningEffort::kNone;
  const Prepared quiet = prepare(none, kThinking);
  EXPECT_GT(quiet.prompt.size(), thinking) << "the thought is there, and empty";
  ASSERT_TRUE(quiet.read);
  EXPECT_EQ(quiet.read("42", true).text, "42");
  GenerateRequest held = chat();
  held.constraint = {Constraint::Kind::kJson, {}};
  const Prepared json = prepare(held, kThinking);
  EXPECT_EQ(json.prompt, quiet.prompt);
  EXPECT_FALSE(json.read);
}

TEST_F(LlamaTextTest, TellsTheModelWhatItThoughtEarlier) {
  GenerateRequest request = chat();
  request.messages.push_back({.role = "assistant", .content = "42"});
  request.messages.push_back({.role = "user", .content = "Why?"});
  const std::size_t without = prepare(request, kThinking).prompt.size();
  request.messages[1].reasoning = "It is easy, so easy.";
  EXPECT_GT(prepare(request, kThinking).prompt.size(), without + 5);
}

TEST_F(LlamaTextTest, ReadsNothingIntoTheAnswersOfAModelThatDoesNotThink) {
  EXPECT_FALSE(prepare(chat()).read);
  EXPECT_FALSE(facts_of_template(*weights_, "").reasoning);
  EXPECT_TRUE(facts_of_template(*weights_, std::string(kThinking)).reasoning);
}

TEST_F(LlamaTextTest, KnowsWhenItsFileWasChanged) {
  EXPECT_GT(weights_->facts().modified, 1'600'000'000);
}

}  // namespace
}  // namespace sluice::llama
