#include "backends/openai/read.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/generation_wire/testing_read.h"
#include "base/format.h"

namespace sluice::openai {
namespace {

using generation_wire::see_in_pieces;
using generation_wire::Seen;
using testing::HasSubstr;

Seen read(std::string_view text, std::size_t piece = 1000, bool stream = true,
          std::uint32_t choices = 1, std::size_t most = 10'000) {
  const GenerateRequest request{.choices = choices, .stream = true};
  return see_in_pieces(*read_generate(request, stream, {most}), text, piece);
}

constexpr std::string_view kChat =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}],"
    "\"usage\":null}\r\n\r\n"
    ": keep-alive\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Gr\xC3\xBC\"},"
    "\"finish_reason\":null}],\"usage\":null}\n\n"
    "event: message\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"n\"}}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
    "data: {\"choices\":null,\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,"
    "\"prompt_tokens_details\":{\"cached_tokens\":4}}}\n\n"
    "data: [DONE]\n\n";

TEST(ReadGenerate, JoinsTheChunksHoweverTheyAreSplit) {
  for (std::size_t piece = 1; piece < 200; piece += 7) {
    const Seen seen = read(kChat, piece);
    ASSERT_TRUE(seen.result) << seen.result.error().message;
    EXPECT_EQ(seen.result->choices[0].text, "Gr\xC3\xBCn");
    EXPECT_EQ(seen.result->choices[0].finish, FinishReason::kStop);
    EXPECT_EQ(seen.result->usage.prompt_tokens, 9U);
    EXPECT_EQ(seen.result->usage.completion_tokens, 2U);
    EXPECT_EQ(seen.result->usage.cached_tokens, 4U);
    ASSERT_EQ(seen.parts.size(), 2U);
    EXPECT_EQ(seen.parts[1].text, "n");
    EXPECT_FALSE(seen.timed);
  }
}

TEST(ReadGenerate, TakesAnAnswerWithoutItsLastWordButNotOneThatWasCut) {
  const std::string text = R"(data: {"choices":[{"delta":{"content":"a"}}]})"
                           "\n\n";
  const std::string end = R"(data: {"choices":[{"delta":{},"finish_reason":"length"}]})";
  const Seen whole = read(text + end);
  ASSERT_TRUE(whole.result);
  EXPECT_EQ(whole.result->choices[0].finish, FinishReason::kLength);
  EXPECT_EQ(whole.result->usage.completion_tokens, 1U) << "parts, where usage is not told";
  EXPECT_EQ(read(text).result.error().message, "the answer ends before it is complete");
  EXPECT_EQ(read("").result.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(read(text + "data: [DONE]").result);
}

TEST(ReadGenerate, ReadsAWholeMessageOfAnEngineThatDoesNotStream) {
  const Seen seen =
      read(R"({"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant",)"
           R"("content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,)"
           R"("completion_tokens":2}})",
           10, false);
  ASSERT_TRUE(seen.result) << seen.result.error().message;
  EXPECT_EQ(seen.result->choices[0].text, "hi");
  EXPECT_EQ(seen.parts.size(), 1U);
}

TEST(ReadGenerate, MakesNoPartsForWhoWantsTheWhole) {
  const Seen seen = see_in_pieces(*read_generate({}, true, {10'000}), kChat, 10);
  ASSERT_TRUE(seen.result) << seen.result.error().message;
  EXPECT_EQ(seen.result->choices[0].text, "Gr\xC3\xBCn");
  EXPECT_TRUE(seen.parts.empty());
  EXPECT_TRUE(seen.started);
}

TEST(ReadGenerate, LeavesOutTheTokenThatWasNotAskedFor) {
  const GenerateRequest request{.max_tokens = 0, .stream = true};
  for (const std::string_view delta :
       {R"("content":"a")", R"("tool_calls":[{"index":0,"id":"a","function":{"name":"f"}}])"}) {
    const std::string text = formatted(
        "data: {{\"choices\":[{{\"delta\":{{{}}},\"finish_reason\":\"stop\"}}],"
        "\"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":1}}}}\n\ndata: [DONE]\n\n",
        delta);
    const Seen seen = see_in_pieces(*read_generate(request, true, {10'000}), text, 1000);
    ASSERT_TRUE(seen.result) << seen.result.error().message;
    EXPECT_EQ(seen.result->choices[0].text, "");
    EXPECT_TRUE(seen.result->choices[0].tool_calls.empty());
    EXPECT_EQ(seen.result->choices[0].finish, FinishReason::kLength);
    EXPECT_EQ(seen.result->usage.prompt_tokens, 3U);
    EXPECT_EQ(seen.result->usage.completion_tokens, 0U);
    EXPECT_TRUE(seen.parts.empty());
  }
}

TEST(ReadGenerate, KeepsChoicesApart) {
  const Seen seen = read(
      "data: {\"choices\":[{\"index\":1,\"text\":\"b\"},{\"index\":0,\"text\":\"a\"}]}\n\n"
      "data: {\"choices\":[{\"index\":0,\"text\":\"A\",\"finish_reason\":\"stop\"}]}\n\n"
      "data: {\"choices\":[{\"index\":1,\"text\":\"B\",\"finish_reason\":\"length\"}]}\n\n",
      1000, true, 2);
  ASSERT_TRUE(seen.result) << seen.result.error().message;
  EXPECT_EQ(seen.result->choices[0].text, "aA");
  EXPECT_EQ(seen.result->choices[1].text, "bB");
  EXPECT_EQ(seen.result->choices[1].finish, FinishReason::kLength);
  EXPECT_EQ(seen.parts[0].choice, 1U);
}

TEST(ReadGenerate, JoinsToolCallsByIndexOrId) {
  const auto calls = [](std::string first, std::string second) {
    return "data: {\"choices\":[{\"delta\":{\"tool_calls\":" + first +
           "}}]}\n\n"
           "data: {\"choices\":[{\"delta\":{\"tool_calls\":" +
           second + "},\"finish_reason\":\"tool_calls\"}]}\n\n";
  };
  const std::string cases[] = {
      calls(R"([{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}}])",
            R"([{"index":0,"function":{"arguments":":1}"}},{"index":1,"id":"b","function":)"
            R"({"name":"g","arguments":"{}"}}])"),
      calls(R"([{"id":"a","function":{"name":"f","arguments":"{\"x\""}}])",
            R"([{"function":{"arguments":":1}"}},{"id":"b","function":{"name":"g",)"
            R"("arguments":{}}}])"),
  };
  for (const std::string& text : cases) {
    const Seen seen = read(text);
    ASSERT_TRUE(seen.result) << seen.result.error().message;
    const auto& tools = seen.result->choices[0].tool_calls;
    ASSERT_EQ(tools.size(), 2U);
    EXPECT_EQ(tools[0].id, "a");
    EXPECT_EQ(tools[0].arguments, R"({"x":1})");
    EXPECT_EQ(tools[1].name, "g");
    EXPECT_EQ(tools[1].arguments, "{}");
    EXPECT_EQ(seen.result->choices[0].finish, FinishReason::kToolCalls);
    EXPECT_TRUE(seen.started);
  }
}

TEST(ReadGenerate, ReadsLogprobsOfBothForms) {
  const Seen chat = read(
      R"(data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop","logprobs":{"content":)"
      R"([{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[{"token":"b","logprob":-1}]}]}}]})");
  ASSERT_TRUE(chat.result);
  const auto& probs = chat.result->choices[0].logprobs;
  ASSERT_EQ(probs.size(), 1U);
  EXPECT_EQ(probs[0].token, "a");
  EXPECT_EQ(probs[0].logprob, -0.5);
  EXPECT_EQ(probs[0].top[0].first, "b");
  EXPECT_EQ(chat.parts[0].logprobs.size(), 1U);
  const Seen old = read(
      R"(data: {"choices":[{"text":"ab","finish_reason":"stop","logprobs":{"tokens":["a","b"],)"
      R"("token_logprobs":[null,-2],"top_logprobs":[null,{"b":-2,"c":-3}]}}]})");
  ASSERT_TRUE(old.result);
  ASSERT_EQ(old.result->choices[0].logprobs.size(), 2U);
  EXPECT_EQ(old.result->choices[0].logprobs[1].logprob, -2);
  EXPECT_EQ(old.result->choices[0].logprobs[1].top.size(), 2U);
}

TEST(ReadGenerate, TakesTimingsOfLlamaCpp) {
  const Seen seen =
      read(R"(data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}],"timings":)"
           R"({"cache_n":3,"prompt_n":5,"prompt_ms":12.5,"predicted_n":2,"predicted_ms":30}})");
  ASSERT_TRUE(seen.result);
  EXPECT_TRUE(seen.timed);
  EXPECT_EQ(seen.result->times.prompt, std::chrono::microseconds(12'500));
  EXPECT_EQ(seen.result->times.decode, std::chrono::milliseconds(30));
  EXPECT_EQ(seen.result->usage.prompt_tokens, 8U);
  EXPECT_EQ(seen.result->usage.cached_tokens, 3U);
}

TEST(ReadGenerate, TakesTimingsOfAnotherSluice) {
  const Seen seen =
      read(R"(data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}],"timings":)"
           R"({"queue_ms":1,"load_ms":2,"prompt_ms":12.5,"decode_ms":30,"overhead_ms":1}})");
  ASSERT_TRUE(seen.result);
  EXPECT_TRUE(seen.timed);
  EXPECT_EQ(seen.result->times.load, std::chrono::milliseconds(2));
  EXPECT_EQ(seen.result->times.prompt, std::chrono::microseconds(12'500));
  EXPECT_EQ(seen.result->times.decode, std::chrono::milliseconds(30));
}

TEST(ReadGenerate, MeasuresForItselfWhereTimingsSayNothingThatItKnows) {
  const Seen seen =
      read(R"(data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}],"timings":)"
           R"({"prompt_ms":12.5}})");
  ASSERT_TRUE(seen.result);
  EXPECT_FALSE(seen.timed);
}

TEST(ReadGenerate, TakesThoughtsByTheNamesThatEnginesHaveForThem) {
  for (const std::string thought : {R"("reasoning_content":"hm")", R"("reasoning":"hm")",
                                    R"("reasoning":"hm","reasoning_content":"hm")"}) {
    const Seen seen = read(R"(data: {"choices":[{"delta":{)" + thought +
                           R"(}}]})"
                           "\n\n"
                           R"(data: {"choices":[{"delta":{"content":"a"}}]})"
                           "\n\ndata: [DONE]\n\n");
    EXPECT_TRUE(seen.started);
    EXPECT_EQ(seen.result->choices[0].reasoning, "hm");
    EXPECT_EQ(seen.result->choices[0].text, "a");
    ASSERT_EQ(seen.parts.size(), 2U);
    EXPECT_TRUE(seen.parts[0].reasoning);
    EXPECT_FALSE(seen.parts[1].reasoning);
  }
}

TEST(ReadGenerate, SaysWhatIsWrong) {
  struct Case {
    std::string_view text;
    ErrorCode code;
    std::string_view message;
  };
  const Case cases[] = {
      {"data: {\"choices\"\n\n", ErrorCode::kInternal, "cannot be read: not JSON at byte 10"},
      {"data: []\n\n", ErrorCode::kInternal, "a chunk that is no object"},
      {"data: {\"choices\":{}}\n\n", ErrorCode::kInternal, "choices that are no array"},
      {"data: {\"choices\":[{\"index\":1}]}\n\n", ErrorCode::kInternal, "a choice 1, asked were 1"},
      {"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":7}]}}]}\n\n",
       ErrorCode::kInternal, "calls a tool at place 7 after 0 calls"},
      {"data: {\"choices\":[{\"finish_reason\":\"abort\"}]}\n\n", ErrorCode::kInternal,
       "finish_reason is abort"},
      {"data: {\"error\":{\"message\":\"full\",\"code\":\"429\"}}\n\n", ErrorCode::kExhausted,
       "the engine answered 429: full"},
      {"event: error\ndata: {\"error\":\"broken\"}\n\n", ErrorCode::kInternal,
       "the engine gave up: broken"},
  };
  for (const Case& c : cases) {
    const Seen seen = read(c.text);
    ASSERT_FALSE(seen.result) << c.text;
    EXPECT_EQ(seen.result.error().code, c.code);
    EXPECT_THAT(seen.result.error().message, HasSubstr(c.message));
  }
  EXPECT_THAT(read(kChat, 1000, true, 1, 50).result.error().message,
              HasSubstr("a line is over 50 bytes"));
  EXPECT_THAT(read(kChat, 10, false, 1, 50).result.error().message, HasSubstr("over 50 bytes"));
}

TEST(ReadEmbed, GivesVectorsOfLengthOneInOrder) {
  const auto read = [](std::string_view body, std::size_t inputs) -> Result<EmbedResponse> {
    const auto reader = read_embed(inputs, {1000});
    std::vector<TextPart> parts;
    auto answer = generation_wire::read_in_pieces(*reader, body, 7, parts);
    if (!answer) return fail(answer.error());
    return std::get<EmbedResponse>(std::move(answer->response));
  };
  const auto response =
      read(R"({"data":[{"index":1,"embedding":[0,2]},{"index":0,"embedding":[3,4]}],)"
           R"("usage":{"prompt_tokens":6}})",
           2);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_THAT(response->vectors[0], testing::ElementsAre(0.6F, 0.8F));
  EXPECT_THAT(response->vectors[1], testing::ElementsAre(0.0F, 1.0F));
  EXPECT_EQ(response->prompt_tokens, 6U);
  const std::pair<std::string_view, std::string_view> bad[] = {
      {"{}", "it has no data"},
      {R"({"data":[]})", "fewer vectors"},
      {R"({"data":[{"embedding":[1]},{"embedding":[1]}]})", "a vector 1 for 1 texts"},
      {R"({"data":[{"index":0,"embedding":"x"}]})", "no array"},
      {R"({"data":[{"index":0,"embedding":[null]}]})", "something else than numbers"},
      {R"({"data":[{"index":0,"embedding":[]}]})", "an empty vector"},
      {R"({"error":{"message":"no","code":500}})", "500: no"},
      {"<", "not JSON"},
  };
  for (const auto& [body, message] : bad) {
    const auto refused = read(body, 1);
    ASSERT_FALSE(refused) << body;
    EXPECT_THAT(refused.error().message, HasSubstr(message));
  }
}

TEST(NamesModel, LooksAmongTheData) {
  EXPECT_TRUE(names_model(R"({"object":"list","data":[{"id":"a"},{"id":"m"}]})", "m").value());
  EXPECT_FALSE(names_model(R"({"data":[{"id":"M"},7]})", "m").value());
  EXPECT_FALSE(names_model(R"({"models":[]})", "m"));
  EXPECT_FALSE(names_model("", "m"));
}

}  // namespace
}  // namespace sluice::openai
