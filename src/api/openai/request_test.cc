#include "api/openai/request.h"

#include <gtest/gtest.h>

#include "http/json/reader.h"

namespace sluice::api::openai {
namespace {

class OpenAiRequestTest : public ::testing::Test {
 protected:
  // Where bodies lie, with what a parser may read behind them.
  std::string_view padded(std::string_view body) {
    text_ = std::string(body) + std::string(json::kPadding, ' ');
    return std::string_view(text_).substr(0, body.size());
  }
  generation::Read<GenerateAsked> chat(std::string_view body) {
    return read_chat(reader_, padded(body));
  }
  generation::Read<GenerateAsked> completion(std::string_view body) {
    return read_completion(reader_, padded(body));
  }
  // Of a chat with one message and these members.
  generation::Read<GenerateAsked> with(std::string_view members) {
    return chat(R"({"model":"m","messages":[{"role":"user","content":"hi"}])" +
                std::string(members) + "}");
  }

  json::Reader reader_;
  std::string text_;
};

TEST_F(OpenAiRequestTest, ReadsAConversation) {
  const auto asked = chat(R"({"model": "m", "messages": [
      {"role": "developer", "content": "be brief"},
      {"role": "user", "name": "ann", "content": [{"type": "text", "text": "a"},
                                                  {"type": "text", "text": "b"}]},
      {"role": "assistant", "content": null,
       "tool_calls": [{"id": "c1", "type": "function",
                       "function": {"name": "f", "arguments": "{\"x\":1}"}}]},
      {"role": "tool", "tool_call_id": "c1", "content": "2"}]})");
  ASSERT_TRUE(asked) << asked.error().error.message;
  EXPECT_EQ(asked->model, "m");
  const auto& messages = asked->request.messages;
  ASSERT_EQ(messages.size(), 4);
  EXPECT_EQ(messages[0].role, "system");
  EXPECT_EQ(messages[1].content, "ab");
  EXPECT_EQ(messages[1].name, "ann");
  EXPECT_EQ(messages[2].tool_calls.at(0).arguments, R"({"x":1})");
  EXPECT_EQ(messages[3].tool_call_id, "c1");
  EXPECT_EQ(asked->request.sampling.temperature, 1.0);
  EXPECT_FALSE(asked->request.max_tokens);
  EXPECT_FALSE(asked->request.stream);
  EXPECT_FALSE(asked->priority);
}

TEST_F(OpenAiRequestTest, TakesTurnsOfTheModelThatHaveNoText) {
  const auto asked = chat(R"({"model": "m", "messages": [
      {"role": "user", "content": "a"},
      {"role": "assistant", "content": null, "refusal": "no"},
      {"role": "assistant", "content": null, "reasoning_content": "hm"}]})");
  ASSERT_TRUE(asked) << asked.error().error.message;
  EXPECT_EQ(asked->request.messages[1].content, "no");
  EXPECT_EQ(asked->request.messages[2].content, "");
  EXPECT_FALSE(chat(R"({"messages": [{"role": "user", "content": null}]})"));
}

TEST_F(OpenAiRequestTest, ReadsHowTheAnswerIsToBe) {
  const auto asked = with(R"(,"stream":true,"stream_options":{"include_usage":true},"n":2,
      "max_tokens":5,"max_completion_tokens":7,"stop":["x"],"seed":3,"temperature":0.5,"top_p":0.9,
      "presence_penalty":0.1,"frequency_penalty":0.2,"logit_bias":{"5":-100},"logprobs":true,
      "top_logprobs":2,"top_k":40,"min_p":0.1,"repeat_penalty":1.1,"ignore_eos":true,
      "priority":"low","user":"ignored","whatever":[1])");
  ASSERT_TRUE(asked) << asked.error().error.message;
  const GenerateRequest& r = asked->request;
  EXPECT_TRUE(r.stream);
  EXPECT_TRUE(asked->include_usage);
  EXPECT_EQ(r.choices, 2);
  EXPECT_EQ(r.max_tokens, 7);
  EXPECT_EQ(r.stop, std::vector<std::string>{"x"});
  EXPECT_EQ(r.sampling.seed, 3);
  EXPECT_EQ(r.sampling.temperature, 0.5);
  EXPECT_EQ(r.sampling.logit_bias.at(0).first, 5);
  EXPECT_EQ(r.logprobs, 2);
  EXPECT_EQ(r.sampling.top_k, 40);
  EXPECT_EQ(r.sampling.repeat_penalty, 1.1);
  EXPECT_TRUE(r.sampling.ignore_end);
  EXPECT_EQ(asked->priority, ServiceClass::kBestEffort);
}

TEST_F(OpenAiRequestTest, ReadsWhatTheTextMustBe) {
  struct Case {
    std::string members;
    Constraint::Kind kind;
    std::string text;
  };
  const Case cases[] = {
      {"", Constraint::Kind::kNone, ""},
      {R"(,"response_format":{"type":"text"})", Constraint::Kind::kNone, ""},
      {R"(,"response_format":{"type":"json_object"})", Constraint::Kind::kJson, ""},
      {R"(,"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"a":1}}})",
       Constraint::Kind::kJsonSchema, R"({"a":1})"},
      {R"(,"grammar":"root ::= \"a\"")", Constraint::Kind::kGrammar, R"(root ::= "a")"},
  };
  for (const Case& c : cases) {
    const auto asked = with(c.members);
    ASSERT_TRUE(asked) << asked.error().error.message;
    EXPECT_EQ(asked->request.constraint.kind, c.kind) << c.members;
    EXPECT_EQ(asked->request.constraint.text, c.text);
  }
}

TEST_F(OpenAiRequestTest, ReadsWhichToolMayBeCalled) {
  const std::string tools = R"(,"tools":[{"type":"function","function":{"name":"a"}},
                                         {"type":"function","function":{"name":"b"}}])";
  EXPECT_EQ(with(tools)->request.tool_choice, ToolChoice::kAuto);
  EXPECT_EQ(with(tools + R"(,"tool_choice":"none")")->request.tool_choice, ToolChoice::kNone);
  const auto one = with(tools + R"(,"tool_choice":{"type":"function","function":{"name":"b"}})");
  EXPECT_EQ(one->request.tool_choice, ToolChoice::kRequired);
  ASSERT_EQ(one->request.tools.size(), 1);
  EXPECT_EQ(one->request.tools[0].name, "b");
  EXPECT_EQ(with(tools + R"(,"tool_choice":{"function":{"name":"c"}})").error().param,
            "tool_choice");
}

TEST_F(OpenAiRequestTest, ReadsWhichOfTheToolsAreAllowed) {
  const auto choosing = [&](std::string_view allowed) {
    return with(R"(,"tools":[{"type":"function","function":{"name":"a"}},)"
                R"({"type":"function","function":{"name":"b"}},)"
                R"({"type":"function","function":{"name":"c"}}],)"
                R"("tool_choice":{"type":"allowed_tools","allowed_tools":)" +
                std::string(allowed) + "}");
  };
  const auto two = choosing(R"({"mode":"required","tools":[)"
                            R"({"type":"function","function":{"name":"c"}},)"
                            R"({"type":"function","function":{"name":"a"}}]})");
  ASSERT_TRUE(two) << two.error().error.message;
  EXPECT_EQ(two->request.tool_choice, ToolChoice::kRequired);
  ASSERT_EQ(two->request.tools.size(), 2);
  EXPECT_EQ(two->request.tools[0].name, "a");
  EXPECT_EQ(choosing(R"({"tools":[{"function":{"name":"a"}}]})")->request.tool_choice,
            ToolChoice::kAuto);
  EXPECT_EQ(choosing(R"({"tools":[{"function":{"name":"x"}}]})").error().param, "tool_choice");
  EXPECT_EQ(choosing(R"({"tools":[]})").error().param, "tool_choice.allowed_tools.tools");
  EXPECT_EQ(choosing(R"({"mode":"most","tools":[]})").error().param,
            "tool_choice.allowed_tools.mode");
}

TEST_F(OpenAiRequestTest, ReadsHowMuchToThink) {
  struct Case {
    std::string members;
    std::optional<ReasoningEffort> expected;
  };
  for (const Case& c : std::vector<Case>{
           {"", {}},
           {R"(,"reasoning_effort":"none")", ReasoningEffort::kNone},
           {R"(,"reasoning_effort":"minimal")", ReasoningEffort::kMinimal},
           {R"(,"reasoning_effort":"xhigh")", ReasoningEffort::kHigh},
           {R"(,"chat_template_kwargs":{"enable_thinking":false})", ReasoningEffort::kNone},
           {R"(,"chat_template_kwargs":{"enable_thinking":true})", ReasoningEffort::kAsItLikes}}) {
    const auto asked = with(c.members);
    ASSERT_TRUE(asked) << asked.error().error.message;
    EXPECT_EQ(asked->request.reasoning, c.expected) << c.members;
  }
  EXPECT_EQ(with(R"(,"reasoning_effort":"some")").error().param, "reasoning_effort");
}

TEST_F(OpenAiRequestTest, TakesAnEmptyStopForNone) {
  EXPECT_TRUE(with(R"(,"stop":"")")->request.stop.empty());
  EXPECT_EQ(with(R"(,"stop":["a",""])")->request.stop, std::vector<std::string>{"a"});
}

TEST_F(OpenAiRequestTest, NamesTheMemberThatIsWrong) {
  struct Case {
    std::string members;
    std::string param;
  };
  const Case cases[] = {
      {R"(,"temperature":"hot")", "temperature"},
      {R"(,"n":0)", "n"},
      {R"(,"n":17)", "n"},
      {R"(,"stop":[1])", "stop[0]"},
      {R"(,"stream":"yes")", "stream"},
      {R"(,"top_logprobs":3)", "top_logprobs"},
      {R"(,"logprobs":true,"top_logprobs":21)", "top_logprobs"},
      {R"(,"response_format":{"type":"xml"})", "response_format.type"},
      {R"(,"response_format":{"type":"json_schema"})", "response_format.json_schema"},
      {R"(,"logit_bias":{"cat":1})", "logit_bias"},
      {R"(,"tool_choice":"required")", "tool_choice"},
      {R"(,"functions":[])", "functions"},
      {R"(,"modalities":["text","audio"])", "modalities"},
      {R"(,"priority":"urgent")", "priority"},
      {R"(,"grammar":"a","response_format":{"type":"json_object"})", "response_format"},
      {R"(,"max_tokens":1.5)", "max_tokens"},
  };
  for (const Case& c : cases) {
    const auto asked = with(c.members);
    ASSERT_FALSE(asked) << c.members;
    EXPECT_EQ(asked.error().param, c.param) << asked.error().error.message;
    EXPECT_EQ(asked.error().error.code, ErrorCode::kInvalid);
  }
  const Case bodies[] = {
      {R"({"model":"m"})", "messages"},
      {R"({"messages":[]})", "messages"},
      {R"({"messages":[{"role":"robot","content":"x"}]})", "messages[0].role"},
      {R"({"messages":[{"role":"user"}]})", "messages[0].content"},
      {R"({"messages":[{"role":"user","content":[{"type":"image_url"}]}]})",
       "messages[0].content[0].type"},
      {R"([])", ""},
      {R"({)", ""},
  };
  for (const Case& c : bodies) {
    const auto asked = chat(c.members);
    ASSERT_FALSE(asked) << c.members;
    EXPECT_EQ(asked.error().param, c.param) << asked.error().error.message;
  }
}

TEST_F(OpenAiRequestTest, ReadsACompletion) {
  const auto asked = completion(R"({"prompt":["once"],"logprobs":3,"echo":false,"best_of":1})");
  ASSERT_TRUE(asked) << asked.error().error.message;
  EXPECT_EQ(asked->request.prompt, "once");
  EXPECT_EQ(asked->request.logprobs, 3);
  EXPECT_EQ(asked->request.max_tokens, 16) << "as the API has it";
  EXPECT_FALSE(asked->echo);
  EXPECT_FALSE(completion(R"({"prompt":"a","max_tokens":-1})")->request.max_tokens);
  const auto two = completion(R"({"prompt":["a","b"],"echo":true,"max_tokens":3})");
  ASSERT_TRUE(two);
  EXPECT_EQ(two->prompts, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(two->request.max_tokens, 3);
  EXPECT_TRUE(two->echo);
  for (const auto& [members, param] : std::vector<std::pair<std::string, std::string>>{
           {R"("prompt":"a","echo":true,"logprobs":1)", "echo"},
           {R"("prompt":"a","suffix":"b")", "suffix"},
           {R"("prompt":"a","best_of":2)", "best_of"},
           {R"("prompt":[])", "prompt"},
           {R"("prompt":[[1],[2]])", "prompt"},
           {R"("prompt":[1,2])", "prompt"},
           {R"("x":1)", "prompt"}}) {
    const auto refused = completion("{" + members + "}");
    ASSERT_FALSE(refused) << members;
    EXPECT_EQ(refused.error().param, param);
  }
}

TEST_F(OpenAiRequestTest, ReadsTextsToEmbed) {
  const auto read = [&](std::string_view body) { return read_embedding(reader_, padded(body)); };
  const auto one = read(R"({"model":"e","input":"a","encoding_format":"base64"})");
  ASSERT_TRUE(one);
  EXPECT_TRUE(one->base64);
  EXPECT_EQ(one->request.inputs, std::vector<std::string>{"a"});
  EXPECT_EQ(read(R"({"input":["a","b"],"dimensions":8})")->dimensions, 8);
  EXPECT_EQ(read(R"({"input":[]})").error().param, "input");
  EXPECT_EQ(read(R"({"input":["a",[1]]})").error().param, "input[1]");
  for (const std::string_view tokens : {R"({"input":[[1,2]]})", R"({"input":[1,2]})"}) {
    const auto refused = read(tokens);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().param, "input");
    EXPECT_NE(refused.error().error.message.find("send the texts"), std::string::npos);
  }
  EXPECT_EQ(read(R"({"input":"a","encoding_format":"int8"})").error().param, "encoding_format");
}

}  // namespace
}  // namespace sluice::api::openai
