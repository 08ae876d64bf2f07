#include "backends/ollama/write.h"

#include <gtest/gtest.h>

namespace sluice::ollama {
namespace {

using namespace std::chrono_literals;

GenerateRequest chat() {
  GenerateRequest request;
  request.messages.push_back({.role = "user", .content = "hi"});
  return request;
}

std::string body(const GenerateRequest& request) {
  const auto call = write_generate(request, "m");
  return call ? call->path + " " + call->body : call.error().message;
}

constexpr std::string_view kStream = R"("stream":true,"truncate":false,"shift":false)";

TEST(WriteGenerate, PutsMessagesToChatAndAPromptToGenerate) {
  EXPECT_EQ(body(chat()), R"(/api/chat {"model":"m","messages":[{"role":"user","content":"hi"}],)" +
                              std::string(kStream) + R"(,"options":{}})");
  GenerateRequest request;
  request.prompt = "once";
  EXPECT_EQ(body(request), R"(/api/generate {"model":"m","prompt":"once","raw":true,)" +
                               std::string(kStream) + R"(,"options":{}})");
}

TEST(WriteGenerate, SaysHowMuchToThink) {
  const std::pair<ReasoningEffort, std::string_view> cases[] = {
      {ReasoningEffort::kNone, R"("think":false,)"},
      {ReasoningEffort::kAsItLikes, R"("think":true,)"},
      {ReasoningEffort::kMinimal, R"("think":"low",)"},
      {ReasoningEffort::kHigh, R"("think":"high",)"},
  };
  for (const auto& [effort, expected] : cases) {
    GenerateRequest request = chat();
    request.reasoning = effort;
    EXPECT_NE(body(request).find(expected), std::string::npos) << body(request);
  }
  GenerateRequest request = chat();
  request.messages[0] = {.role = "assistant", .content = "a", .reasoning = "hm"};
  EXPECT_NE(body(request).find(R"("content":"a","thinking":"hm")"), std::string::npos);
}

TEST(WriteGenerate, SaysAllOptions) {
  GenerateRequest request = chat();
  request.max_tokens = 7;
  request.stop = {"x"};
  request.logprobs = 2;
  request.keep_alive = 90s;
  request.context = 8192;
  request.constraint = {Constraint::Kind::kJsonSchema, R"({"type":"object"})"};
  request.sampling = {.temperature = 0.5,
                      .top_p = 0.9,
                      .top_k = 40,
                      .min_p = 0.1,
                      .typical_p = 0.2,
                      .repeat_penalty = 1.1,
                      .repeat_last_n = -1,
                      .presence_penalty = 0.3,
                      .frequency_penalty = 0.4,
                      .mirostat = 2,
                      .mirostat_tau = 5,
                      .mirostat_eta = 0.6,
                      .seed = 42};
  EXPECT_EQ(
      body(request),
      R"(/api/chat {"model":"m","messages":[{"role":"user","content":"hi"}],)" +
          std::string(kStream) +
          R"(,"format":{"type":"object"},"logprobs":true,"top_logprobs":2,"keep_alive":"90000ms",)"
          R"("options":{"num_ctx":8192,"num_predict":7,"temperature":0.5,"top_p":0.9,"top_k":40,"min_p":0.1,)"
          R"("typical_p":0.2,"repeat_penalty":1.1,"repeat_last_n":-1,"presence_penalty":0.3,)"
          R"("frequency_penalty":0.4,"mirostat":2,"mirostat_tau":5,"mirostat_eta":0.6,"seed":42,)"
          R"("stop":["x"]}})");
  request = chat();
  request.keep_alive = -1s;
  request.constraint.kind = Constraint::Kind::kJson;
  EXPECT_TRUE(body(request).ends_with(R"("format":"json","keep_alive":-1,"options":{}})"));
}

TEST(WriteGenerate, AsksToLoadTheModelWhereNoTokenIsWanted) {
  GenerateRequest request = chat();
  request.max_tokens = 0;
  EXPECT_EQ(body(request), R"(/api/generate {"model":"m","prompt":"","stream":true})");
  request = {.prompt = "once", .max_tokens = 0, .keep_alive = 5s, .context = 512};
  EXPECT_EQ(body(request),
            R"(/api/generate {"model":"m","prompt":"","stream":true,"keep_alive":"5000ms",)"
            R"("options":{"num_ctx":512}})");
}

TEST(WriteGenerate, SaysToolsAndTheirCalls) {
  GenerateRequest request;
  request.messages = {
      {.role = "assistant", .tool_calls = {{"c1", "f", R"({"x":1})"}, {"", "g", ""}}},
      {.role = "tool", .content = "2", .tool_call_id = "c1", .name = "f"},
  };
  request.tools = {{"f", "adds", R"({"type":"object"})"}};
  EXPECT_EQ(
      body(request),
      R"(/api/chat {"model":"m","messages":[{"role":"assistant","content":"","tool_calls":)"
      R"([{"id":"c1","function":{"name":"f","arguments":{"x":1}}},{"function":{"name":"g",)"
      R"("arguments":{}}}]},{"role":"tool","content":"2","tool_name":"f","tool_call_id":"c1"})"
      R"(],"tools":[{"type":"function","function":{"name":"f","description":"adds",)"
      R"("parameters":{"type":"object"}}}],)" +
          std::string(kStream) + R"(,"options":{}})");
}

TEST(WriteGenerate, RefusesWhatOllamaHasNoWordsFor) {
  const auto with = [](auto change) {
    GenerateRequest request = chat();
    change(request);
    return body(request);
  };
  EXPECT_EQ(with([](auto& r) { r.choices = 2; }), "an engine of Ollama takes no n above 1");
  EXPECT_EQ(with([](auto& r) { r.sampling.logit_bias = {{1, 1}}; }),
            "an engine of Ollama takes no logit_bias");
  EXPECT_EQ(with([](auto& r) { r.sampling.ignore_end = true; }),
            "an engine of Ollama takes no ignore_eos");
  EXPECT_EQ(with([](auto& r) { r.constraint.kind = Constraint::Kind::kGrammar; }),
            "an engine of Ollama takes no grammar");
  EXPECT_EQ(with([](auto& r) { r.constraint = {Constraint::Kind::kJsonSchema, "{"}; }),
            "the JSON schema is not JSON");
  EXPECT_EQ(with([](auto& r) { r.messages[0].tool_calls = {{"", "f", "[]"}}; }),
            "the arguments of the call of 'f' are no JSON object");
  EXPECT_EQ(with([](auto& r) { r.tools = {{"f", "", "{}, \"x\""}}; }),
            "the parameters of the tool 'f' are not JSON");
}

TEST(WriteEmbed, SendsAllTextsAtOnce) {
  const auto call = write_embed({.inputs = {"a", "b"}, .truncate = true, .keep_alive = 0s}, "m");
  EXPECT_EQ(call.path, "/api/embed");
  EXPECT_EQ(call.body, R"({"model":"m","input":["a","b"],"truncate":true,"keep_alive":"0ms"})");
  EXPECT_EQ(write_embed({.inputs = {"a"}, .context = 256}, "m").body,
            R"({"model":"m","input":["a"],"truncate":false,"options":{"num_ctx":256}})");
}

}  // namespace
}  // namespace sluice::ollama
