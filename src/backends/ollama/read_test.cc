#include "backends/ollama/read.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/generation_wire/testing_read.h"

namespace sluice::ollama {
namespace {

using generation_wire::see_in_pieces;
using generation_wire::Seen;
using testing::HasSubstr;

Seen read(std::string_view text, std::size_t piece = 1000, std::size_t most = 10'000) {
  return see_in_pieces(*read_generate({.stream = true}, {most}), text, piece);
}

TEST(ReadGenerate, JoinsTheLinesHoweverTheyAreSplit) {
  constexpr std::string_view kText =
      "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"Gr\xC3\xBC\"},"
      "\"done\":false}\r\n\n"
      "{\"message\":{\"content\":\"n\"},\"done\":false}\n"
      "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"length\","
      "\"total_duration\":100,\"load_duration\":10,\"prompt_eval_count\":5,"
      "\"prompt_eval_duration\":20,\"eval_count\":2,\"eval_duration\":30}\n";
  for (std::size_t piece = 1; piece < 200; piece += 7) {
    const Seen seen = read(kText, piece);
    ASSERT_TRUE(seen.result) << seen.result.error().message;
    EXPECT_EQ(seen.result->choices[0].text, "Gr\xC3\xBCn");
    EXPECT_EQ(seen.result->choices[0].finish, FinishReason::kLength);
    EXPECT_EQ(seen.result->usage.prompt_tokens, 5U);
    EXPECT_EQ(seen.result->usage.completion_tokens, 2U);
    EXPECT_TRUE(seen.timed);
    EXPECT_EQ(seen.result->times.load, Duration(10));
    EXPECT_EQ(seen.result->times.prompt, Duration(20));
    EXPECT_EQ(seen.result->times.decode, Duration(30));
    EXPECT_EQ(seen.parts.size(), 2U);
  }
}

TEST(ReadGenerate, ReadsBothApisAndDoesWithoutCounts) {
  const Seen seen = read("{\"response\":\"a\",\"done\":false}\n{\"response\":\"b\",\"done\":true}");
  ASSERT_TRUE(seen.result) << seen.result.error().message;
  EXPECT_EQ(seen.result->choices[0].text, "ab");
  EXPECT_EQ(seen.result->usage.completion_tokens, 2U);
  EXPECT_FALSE(seen.timed);
}

TEST(ReadGenerate, TakesTheAnswerToARequestToLoadTheModel) {
  const GenerateRequest request{.max_tokens = 0, .stream = true};
  const Seen seen =
      see_in_pieces(*read_generate(request, {10'000}),
                    R"({"model":"m","response":"","done":true,"done_reason":"load"})", 9);
  ASSERT_TRUE(seen.result) << seen.result.error().message;
  EXPECT_EQ(seen.result->choices[0].text, "");
  EXPECT_EQ(seen.result->choices[0].finish, FinishReason::kLength);
  EXPECT_EQ(seen.result->usage.completion_tokens, 0U);
}

TEST(ReadGenerate, ReadsToolCallsThoughtsAndLogprobs) {
  const Seen seen = read(
      R"({"message":{"content":"","thinking":"hm"}})"
      "\n"
      R"({"message":{"content":"a","tool_calls":[{"function":{"name":"f","arguments":{"x":1}}},)"
      R"({"id":"c","function":{"name":"g","arguments":{}}}]},"logprobs":[{"token":"a",)"
      R"("logprob":-1,"top_logprobs":[{"token":"b","logprob":-2}]}]})"
      "\n"
      R"({"done":true,"done_reason":"stop"})");
  ASSERT_TRUE(seen.result) << seen.result.error().message;
  const Choice& choice = seen.result->choices[0];
  ASSERT_EQ(choice.tool_calls.size(), 2U);
  EXPECT_EQ(choice.tool_calls[0].arguments, R"({"x":1})");
  EXPECT_EQ(choice.tool_calls[0].id, "call_0_0");
  EXPECT_EQ(choice.tool_calls[1].id, "c");
  EXPECT_EQ(choice.finish, FinishReason::kToolCalls);
  EXPECT_EQ(choice.logprobs[0].top[0].first, "b");
  EXPECT_EQ(choice.reasoning, "hm");
  EXPECT_TRUE(seen.parts.at(0).reasoning);
  EXPECT_TRUE(seen.started);
}

TEST(ReadGenerate, SaysWhatIsWrong) {
  struct Case {
    std::string_view text;
    ErrorCode code;
    std::string_view message;
  };
  const Case cases[] = {
      {"", ErrorCode::kUnavailable, "ends before it is complete"},
      {"{\"response\":\"a\"}\n", ErrorCode::kUnavailable, "ends before it is complete"},
      {"{\"response\":\"a\"", ErrorCode::kInternal, "cannot be read: not JSON"},
      {"[]\n", ErrorCode::kInternal, "a line is no object"},
      {"{\"response\":\"a\"}\n{\"error\":\"it broke\"}\n", ErrorCode::kInternal,
       "the engine gave up: it broke"},
      {"{\"error\":\"server busy, please try again.  maximum pending requests exceeded\"}",
       ErrorCode::kExhausted, "server busy"},
      {"{\"message\":{\"tool_calls\":[{}]}}\n", ErrorCode::kInternal, "has no function"},
  };
  for (const Case& c : cases) {
    const Seen seen = read(c.text);
    ASSERT_FALSE(seen.result) << c.text;
    EXPECT_EQ(seen.result.error().code, c.code) << c.text;
    EXPECT_THAT(seen.result.error().message, HasSubstr(c.message));
  }
  EXPECT_THAT(read("{\"response\":\"aaaaaaaaaaaaaaaaaaa\"}", 5, 10).result.error().message,
              HasSubstr("a line is over 10 bytes"));
}

TEST(ReadEmbed, GivesVectorsOfLengthOne) {
  const auto read = [](std::string_view body,
                       std::size_t inputs) -> Result<generation_wire::Answer> {
    const auto reader = read_embed(inputs, {1000});
    std::vector<TextPart> parts;
    return generation_wire::read_in_pieces(*reader, body, 7, parts);
  };
  const auto answer = read(
      R"({"embeddings":[[3,4],[0,1]],"total_duration":50,"load_duration":20,"prompt_eval_count":4})",
      2);
  ASSERT_TRUE(answer) << answer.error().message;
  const auto& response = std::get<EmbedResponse>(answer->response);
  EXPECT_THAT(response.vectors[0], testing::ElementsAre(0.6F, 0.8F));
  EXPECT_EQ(response.prompt_tokens, 4U);
  EXPECT_EQ(response.times.load, Duration(20));
  EXPECT_EQ(response.times.prompt, Duration(30));
  EXPECT_THAT(read(R"({"embeddings":[[1]]})", 2).error().message,
              HasSubstr("1 vectors for 2 texts"));
  EXPECT_THAT(read(R"({"error":"no"})", 1).error().message, HasSubstr("gave up: no"));
  EXPECT_THAT(read("{}", 1).error().message, HasSubstr("no embeddings"));
}

TEST(NamesModel, KnowsThatLatestIsTheTagOfNone) {
  const std::string_view list =
      R"({"models":[{"name":"a:latest"},{"name":"b:1b","model":"b:1b"},{"name":"host:5/x/c:q4"}]})";
  const std::pair<std::string_view, bool> cases[] = {
      {"a", true},  {"a:latest", true},      {"b", false}, {"b:1b", true}, {"host:5/x/c", false},
      {"c", false}, {"host:5/x/c:q4", true},
  };
  for (const auto& [model, there] : cases) {
    EXPECT_EQ(names_model(list, model).value(), there) << model;
  }
  EXPECT_FALSE(names_model("{}", "a"));
}

}  // namespace
}  // namespace sluice::ollama
