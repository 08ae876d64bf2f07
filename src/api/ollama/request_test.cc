#include "api/ollama/request.h"

#include <gtest/gtest.h>

#include "http/json/reader.h"

namespace sluice::api::ollama {
namespace {

using namespace std::chrono_literals;

class OllamaRequestTest : public ::testing::Test {
 protected:
  std::string_view padded(std::string_view body) {
    text_ = std::string(body) + std::string(json::kPadding, ' ');
    return std::string_view(text_).substr(0, body.size());
  }
  generation::Read<GenerateAsked> generate(std::string_view body) {
    return read_generate(reader_, padded(body));
  }
  generation::Read<GenerateAsked> chat(std::string_view body) {
    return read_chat(reader_, padded(body));
  }

  json::Reader reader_;
  std::string text_;
};

TEST(OllamaDuration, IsReadAsGoWritesIt) {
  struct Case {
    std::string_view text;
    std::optional<Duration> expected;
  };
  for (const Case& c : std::vector<Case>{{"5m", 5min},
                                         {"1h30m", 90min},
                                         {"1.5s", 1500ms},
                                         {"250ms", 250ms},
                                         {"10us", 10us},
                                         {"7ns", 7ns},
                                         {"-1s", -1s},
                                         {"0", 0s},
                                         {"", {}},
                                         {"5", {}},
                                         {"m", {}},
                                         {"5 m", {}},
                                         {"1h-5m", {}},
                                         {"1e3s", {}},
                                         {"9999999999h", {}}}) {
    EXPECT_EQ(parse_duration(c.text), c.expected) << c.text;
  }
}

TEST_F(OllamaRequestTest, ReadsAPromptWithOllamasDefaults) {
  const auto asked = generate(R"({"model":"m","prompt":"hi","system":"be brief"})");
  ASSERT_TRUE(asked) << asked.error().error.message;
  const GenerateRequest& r = asked->request;
  EXPECT_TRUE(r.stream);
  EXPECT_FALSE(asked->says_stream);
  EXPECT_TRUE(r.max_tokens_is_a_ceiling);
  ASSERT_EQ(r.messages.size(), 2);
  EXPECT_EQ(r.messages[0].role, "system");
  EXPECT_EQ(r.messages[1].content, "hi");
  EXPECT_FALSE(r.prompt);
  EXPECT_FALSE(r.sampling.temperature);
  EXPECT_FALSE(r.sampling.top_k);
  EXPECT_FALSE(r.max_tokens);
  EXPECT_FALSE(asked->load);
}

TEST_F(OllamaRequestTest, HasDefaultsForWhatIsNotSaid) {
  auto asked = generate(R"({"prompt":"hi","options":{"temperature":0,"top_k":7}})");
  ASSERT_TRUE(asked) << asked.error().error.message;
  Sampling& sampling = asked->request.sampling;
  add_defaults(sampling);
  EXPECT_EQ(sampling.temperature, 0.0);
  EXPECT_EQ(sampling.top_k, 7);
  EXPECT_EQ(sampling.top_p, 0.9);
  EXPECT_EQ(sampling.min_p, 0.0);
  EXPECT_EQ(sampling.repeat_penalty, 1.1);
  EXPECT_EQ(sampling.repeat_last_n, 64);
}

TEST_F(OllamaRequestTest, ReadsOptions) {
  const auto asked = generate(R"({"model":"m","prompt":"hi","raw":true,"stream":false,
      "format":{"type":"object"},"keep_alive":30,"think":true,"priority":"low",
      "options":{"num_predict":9,"temperature":0,"seed":1,"stop":["a"],"num_ctx":512,"min_p":0.1,
                 "num_gpu":1}})");
  ASSERT_TRUE(asked) << asked.error().error.message;
  const GenerateRequest& r = asked->request;
  EXPECT_EQ(r.prompt, "hi");
  EXPECT_TRUE(r.messages.empty());
  EXPECT_FALSE(r.stream);
  EXPECT_EQ(r.constraint.kind, Constraint::Kind::kJsonSchema);
  EXPECT_EQ(r.keep_alive, 30s);
  EXPECT_EQ(r.max_tokens, 9);
  EXPECT_EQ(r.sampling.temperature, 0.0);
  EXPECT_EQ(r.sampling.seed, 1);
  EXPECT_EQ(r.stop, std::vector<std::string>{"a"});
  EXPECT_EQ(asked->request.context, 512);
  EXPECT_EQ(r.reasoning, ReasoningEffort::kAsItLikes);
  EXPECT_EQ(asked->priority, ServiceClass::kBestEffort);
}

TEST_F(OllamaRequestTest, ReadsWhatIsWantedBesideTheText) {
  const auto asked = generate(
      R"({"prompt":"hi","logprobs":true,"top_logprobs":3,"think":"low","keep_alive":"",
          "options":{"stop":[""]}})");
  ASSERT_TRUE(asked) << asked.error().error.message;
  EXPECT_EQ(asked->request.logprobs, 3);
  EXPECT_EQ(asked->request.reasoning, ReasoningEffort::kLow);
  EXPECT_FALSE(asked->request.keep_alive);
  EXPECT_TRUE(asked->request.stop.empty());
  EXPECT_EQ(generate(R"({"prompt":"hi","think":false})")->request.reasoning,
            ReasoningEffort::kNone);
  EXPECT_FALSE(generate(R"({"prompt":"hi","top_logprobs":3})")->request.logprobs);
}

TEST_F(OllamaRequestTest, TakesAnEmptyPromptForTheWishToLoad) {
  for (const std::string body : {R"({"model":"m"})", R"({"model":"m","prompt":""})"}) {
    const auto asked = generate(body);
    ASSERT_TRUE(asked);
    EXPECT_TRUE(asked->load);
    EXPECT_EQ(asked->request.prompt, " ");
    EXPECT_EQ(asked->request.max_tokens, 0);
  }
  EXPECT_TRUE(chat(R"({"model":"m","messages":[]})")->load);
}

TEST_F(OllamaRequestTest, ReadsAConversation) {
  const auto asked = chat(R"({"model":"m","messages":[
      {"role":"user","content":"x"},
      {"role":"assistant","content":"","tool_calls":[
          {"function":{"name":"f","arguments":{"a":1}}},
          {"function":{"name":"f","arguments":"{\"a\":2}"}}]},
      {"role":"tool","tool_name":"f","content":"2"}],
      "tools":[{"type":"function","function":{"name":"f","parameters":{}}}]})");
  ASSERT_TRUE(asked) << asked.error().error.message;
  ASSERT_EQ(asked->request.messages.size(), 3);
  EXPECT_EQ(asked->request.messages[1].tool_calls.at(0).arguments, R"({"a":1})");
  EXPECT_EQ(asked->request.messages[1].tool_calls.at(1).arguments, R"({"a":2})");
  EXPECT_EQ(asked->request.messages[2].name, "f");
  EXPECT_EQ(asked->request.tools.size(), 1);
}

TEST_F(OllamaRequestTest, RefusesWhatWouldBeIgnoredInSilence) {
  struct Case {
    std::string members;
    std::string param;
  };
  const Case cases[] = {
      {R"("template":"x")", "template"},
      {R"("suffix":"x")", "suffix"},
      {R"("context":[1])", "context"},
      {R"("images":["x"])", "images"},
      {R"("format":"xml")", "format"},
      {R"("keep_alive":"soon")", "keep_alive"},
      {R"("options":{"temperature":"hot"})", "options.temperature"},
      {R"("options":[])", "options"},
      {R"("stream":1)", "stream"},
      {R"("priority":"urgent")", "priority"},
  };
  for (const Case& c : cases) {
    const auto asked = generate(R"({"model":"m","prompt":"hi",)" + c.members + "}");
    ASSERT_FALSE(asked) << c.members;
    EXPECT_EQ(asked.error().param, c.param) << asked.error().error.message;
  }
  EXPECT_TRUE(generate(R"({"prompt":"hi","template":"","images":[],"context":[],"suffix":""})"));
  EXPECT_EQ(chat(R"({"messages":[{"role":"robot"}]})").error().param, "messages[0].role");
}

TEST_F(OllamaRequestTest, ReadsTextsToEmbedAndWhichModelToShow) {
  const auto embed = read_embed(reader_, padded(R"({"model":"e","input":["a","b"]})"));
  ASSERT_TRUE(embed);
  EXPECT_EQ(embed->request.inputs.size(), 2);
  EXPECT_TRUE(embed->request.truncate);
  EXPECT_TRUE(read_embed(reader_, padded(R"({"model":"e","input":""})"))->request.inputs.empty());
  EXPECT_TRUE(read_embed(reader_, padded(R"({"model":"e"})"))->request.inputs.empty());
  EXPECT_EQ(read_embeddings(reader_, padded(R"({"prompt":"a"})"))->request.inputs.at(0), "a");
  EXPECT_EQ(read_show(reader_, padded(R"({"name":"m"})")), "m");
  EXPECT_FALSE(read_show(reader_, padded("{}")));
  const auto pull = read_pull(reader_, padded(R"({"name":"m","stream":false})"));
  ASSERT_TRUE(pull);
  EXPECT_EQ(pull->model, "m");
  EXPECT_FALSE(pull->stream);
}

}  // namespace
}  // namespace sluice::api::ollama
