#include "backends/openai/write.h"

#include <gtest/gtest.h>

namespace sluice::openai {
namespace {

GenerateRequest chat(std::string text = "hi") {
  GenerateRequest request;
  request.messages.push_back({.role = "user", .content = std::move(text)});
  return request;
}

std::string body(const GenerateRequest& request, Extensions extensions = Extensions::kNone,
                 bool newer = false) {
  OpenAiOptions options;
  options.extensions = extensions;
  options.max_completion_tokens = newer;
  const auto call = write_generate(request, "m", options);
  return call ? call->path + " " + call->body : call.error().message;
}

constexpr std::string_view kStream = R"("stream":true,"stream_options":{"include_usage":true})";

TEST(WriteGenerate, PutsMessagesToChatAndAPromptToCompletions) {
  EXPECT_EQ(body(chat("a\"b")),
            R"(/chat/completions {"model":"m","messages":[{"role":"user","content":"a\"b"}],)" +
                std::string(kStream) + "}");
  GenerateRequest request;
  request.prompt = "once";
  request.max_tokens = 5;
  request.logprobs = 0;
  EXPECT_EQ(body(request), R"(/completions {"model":"m","prompt":"once",)" + std::string(kStream) +
                               R"(,"max_tokens":5,"logprobs":0})");
}

TEST(WriteGenerate, SaysHowMuchToThinkInTheWordsOfTheEngine) {
  struct Case {
    ReasoningEffort effort;
    Extensions extensions;
    std::string_view expected;
  };
  constexpr std::string_view kSwitch = R"("chat_template_kwargs":{"enable_thinking":)";
  const Case cases[] = {
      {ReasoningEffort::kNone, Extensions::kNone, R"(,"reasoning_effort":"none",)"},
      {ReasoningEffort::kAsItLikes, Extensions::kNone, R"(,"reasoning_effort":"medium",)"},
      {ReasoningEffort::kHigh, Extensions::kNone, R"(,"reasoning_effort":"high",)"},
      {ReasoningEffort::kNone, Extensions::kVllm, "false},"},
      {ReasoningEffort::kAsItLikes, Extensions::kLlamaCpp, "true},"},
      {ReasoningEffort::kLow, Extensions::kVllm, R"(true},"reasoning_effort":"low",)"},
  };
  for (const Case& c : cases) {
    GenerateRequest request = chat();
    request.reasoning = c.effort;
    const std::string said = body(request, c.extensions);
    const std::string before =
        c.extensions == Extensions::kNone ? std::string() : "," + std::string(kSwitch);
    EXPECT_NE(said.find(before + std::string(c.expected)), std::string::npos) << said;
  }
  GenerateRequest request = chat();
  request.messages[0] = {.role = "assistant", .content = "a", .reasoning = "hm"};
  EXPECT_NE(body(request).find(R"("content":"a","reasoning_content":"hm")"), std::string::npos);
}

TEST(WriteGenerate, SaysAllThatTheStandardHas) {
  GenerateRequest request = chat();
  request.max_tokens = 7;
  request.stop = {"a", "\n"};
  request.choices = 2;
  request.logprobs = 3;
  request.sampling = {.temperature = 0.5,
                      .top_p = 0.9,
                      .presence_penalty = 1,
                      .frequency_penalty = -1,
                      .seed = 4,
                      .logit_bias = {{12, -100}, {7, 1.5}}};
  request.constraint = {Constraint::Kind::kJsonSchema, R"({"type":"object"})"};
  EXPECT_EQ(
      body(request, Extensions::kNone, true),
      R"(/chat/completions {"model":"m","messages":[{"role":"user","content":"hi"}],)" +
          std::string(kStream) +
          R"(,"max_completion_tokens":7,"stop":["a","\n"],"n":2,"logprobs":true,"top_logprobs":3,)"
          R"("temperature":0.5,"top_p":0.9,"presence_penalty":1,"frequency_penalty":-1,"seed":4,)"
          R"("logit_bias":{"12":-100,"7":1.5},"response_format":{"type":"json_schema",)"
          R"("json_schema":{"name":"answer","strict":true,"schema":{"type":"object"}}}})");
}

TEST(WriteGenerate, AsksForOneTokenWhereNoneIsWanted) {
  GenerateRequest request = chat();
  request.max_tokens = 0;
  EXPECT_TRUE(body(request).ends_with(R"(,"max_tokens":1})")) << body(request);
  EXPECT_TRUE(body(request, Extensions::kNone, true).ends_with(R"(,"max_completion_tokens":1})"));
}

TEST(WriteGenerate, SaysToolsAndTheirCalls) {
  GenerateRequest request;
  request.messages = {
      {.role = "assistant", .tool_calls = {{"c1", "f", R"({"x":1})"}}},
      {.role = "tool", .content = "2", .tool_call_id = "c1"},
  };
  request.tools = {{"f", "adds", R"({"type":"object"})"}, {"g", "", ""}};
  request.tool_choice = ToolChoice::kRequired;
  EXPECT_EQ(body(request),
            R"(/chat/completions {"model":"m","messages":[{"role":"assistant","content":null,)"
            R"("tool_calls":[{"id":"c1","type":"function","function":{"name":"f",)"
            R"("arguments":"{\"x\":1}"}}]},{"role":"tool","content":"2","tool_call_id":"c1"}],)"
            R"("tools":[{"type":"function","function":{"name":"f","description":"adds",)"
            R"("parameters":{"type":"object"}}},{"type":"function","function":{"name":"g"}}],)"
            R"("tool_choice":"required",)" +
                std::string(kStream) + "}");
}

TEST(WriteGenerate, SendsTheRestOnlyToEnginesThatTakeIt) {
  struct Case {
    Sampling sampling;
    Constraint constraint;
    std::string_view none;
    std::string_view vllm;
    std::string_view llama_cpp;
  };
  const std::string refused = ": leave it out, or say by 'extensions' what the engine is";
  const Case cases[] = {
      {{.top_k = 4}, {}, "top_k", R"("top_k":4)", R"("top_k":4)"},
      {{.repeat_penalty = 1.5},
       {},
       "repetition_penalty",
       R"("repetition_penalty":1.5)",
       R"("repeat_penalty":1.5)"},
      {{.mirostat = 2}, {}, "mirostat", "mirostat", R"("mirostat":2)"},
      {{.ignore_end = true}, {}, "ignore_eos", R"("ignore_eos":true)", R"("ignore_eos":true)"},
      {{},
       {Constraint::Kind::kGrammar, "root ::= [a]"},
       "grammar",
       R"("structured_outputs":{"grammar":"root ::= [a]"})",
       R"("grammar":"root ::= [a]")"},
  };
  for (const Case& c : cases) {
    GenerateRequest request = chat();
    request.sampling = c.sampling;
    request.constraint = c.constraint;
    const auto expect = [&](Extensions extensions, std::string_view part) {
      const std::string text = body(request, extensions);
      if (part.starts_with('"')) {
        EXPECT_TRUE(text.ends_with(std::string(part) + "}")) << text;
      } else {
        EXPECT_EQ(text, "the engine takes no " + std::string(part) + refused);
      }
    };
    expect(Extensions::kNone, c.none);
    expect(Extensions::kVllm, c.vllm);
    expect(Extensions::kLlamaCpp, c.llama_cpp);
  }
}

TEST(WriteGenerate, NeverPutsWhatIsNoJsonIntoABody) {
  GenerateRequest request = chat();
  request.constraint = {Constraint::Kind::kJsonSchema, R"({}, "x": {})"};
  EXPECT_EQ(body(request), "the JSON schema is not JSON");
  request.constraint = {};
  request.tools = {{"f", "", "{"}};
  EXPECT_EQ(body(request), "the parameters of the tool 'f' are not JSON");
  request.prompt = "x";
  EXPECT_EQ(body(request), "tools go with messages, not with a prompt");
}

TEST(WriteEmbed, SendsAllTextsAtOnce) {
  EXPECT_EQ(write_embed({.inputs = {"a", "b"}}, "m", {}).body,
            R"({"model":"m","input":["a","b"],"encoding_format":"float"})");
  OpenAiOptions vllm;
  vllm.extensions = Extensions::kVllm;
  EXPECT_EQ(write_embed({.inputs = {"a"}, .truncate = true}, "m", vllm).body,
            R"({"model":"m","input":["a"],"encoding_format":"float","truncate_prompt_tokens":-1})");
}

}  // namespace
}  // namespace sluice::openai
