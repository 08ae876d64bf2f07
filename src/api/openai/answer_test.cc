#include "api/openai/answer.h"

#include <gtest/gtest.h>

namespace sluice::api::openai {
namespace {

using namespace std::chrono_literals;

constexpr telemetry::GenerationTimings kTimings{
    .queue = 1ms, .load = {}, .prompt = 2ms, .decode = 3ms, .overhead = {}, .to_first = 3ms};
constexpr std::string_view kTimingsJson =
    R"({"queue_ms":1,"load_ms":0,"prompt_ms":2,"decode_ms":3,"overhead_ms":0,"total_ms":6,)"
    R"("first_token_ms":3})";
constexpr std::string_view kUsageJson =
    R"({"prompt_tokens":5,"completion_tokens":2,"total_tokens":7,)"
    R"("prompt_tokens_details":{"cached_tokens":4}})";

AnswerFacts facts(bool usage = false, std::uint32_t choices = 1) {
  return {.id = "x-1", .model = "m", .created = 9, .include_usage = usage, .choices = choices};
}
GenerateResponse saying(std::string text) {
  GenerateResponse response;
  response.model = "m";
  response.choices.push_back({.text = std::move(text), .tool_calls = {}, .logprobs = {}});
  response.usage = {.prompt_tokens = 5, .cached_tokens = 4, .completion_tokens = 2};
  return response;
}

TEST(OpenAiAnswer, OfAChatIsWritten) {
  std::string out;
  make_chat_form(facts())->whole(out, saying("hi \"you\""), kTimings);
  EXPECT_EQ(out, std::string(R"({"id":"x-1","object":"chat.completion","created":9,"model":"m",)"
                             R"("choices":[{"index":0,"message":{"role":"assistant",)"
                             R"("content":"hi \"you\"","refusal":null},"logprobs":null,)"
                             R"("finish_reason":"stop"}],"usage":)") +
                     std::string(kUsageJson) + R"(,"timings":)" + std::string(kTimingsJson) + "}");
}

TEST(OpenAiAnswer, WithToolCallsHasIdsForAll) {
  GenerateResponse response = saying("");
  response.choices[0].finish = FinishReason::kToolCalls;
  response.choices[0].tool_calls = {{"", "f", "{}"}, {"own", "g", R"({"a":1})"}};
  std::string out;
  make_chat_form(facts())->whole(out, response, kTimings);
  EXPECT_NE(out.find(R"("content":null,"refusal":null,"tool_calls":[{"id":"call_x-1_0_0",)"
                     R"("type":"function","function":{"name":"f","arguments":"{}"}},{"id":"own",)"
                     R"("type":"function","function":{"name":"g","arguments":"{\"a\":1}"}}]})"),
            std::string::npos)
      << out;
  EXPECT_NE(out.find(R"("finish_reason":"tool_calls")"), std::string::npos);
  // A stream has them as one delta before the last.
  out.clear();
  make_chat_form(facts())->end(out, response, kTimings);
  EXPECT_NE(out.find(R"("delta":{"tool_calls":[{"index":0,"id":"call_x-1_0_0",)"),
            std::string::npos)
      << out;
}

TEST(OpenAiAnswer, StreamsAChat) {
  const auto form = make_chat_form(facts(true));
  std::string out;
  form->begin(out);
  form->part(out, {0, "hi", {}});
  form->end(out, saying("hi"), kTimings);
  const std::string head =
      R"(data: {"id":"x-1","object":"chat.completion.chunk","created":9,"model":"m","choices":[)";
  const std::string expected =
      head + R"({"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,)" +
      R"("finish_reason":null}],"usage":null})" + "\n\n" + head +
      R"({"index":0,"delta":{"content":"hi"},"logprobs":null,"finish_reason":null}],)" +
      R"("usage":null})" + "\n\n" + head +
      R"({"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null,"timings":)" +
      std::string(kTimingsJson) + "}\n\n" + head + R"(],"usage":)" + std::string(kUsageJson) +
      R"(,"timings":)" + std::string(kTimingsJson) + "}\n\ndata: [DONE]\n\n";
  EXPECT_EQ(out, expected);
}

TEST(OpenAiAnswer, KeepsThoughtsApartFromTheText) {
  GenerateResponse response = saying("42");
  response.choices[0].reasoning = "hm";
  std::string out;
  make_chat_form(facts())->whole(out, response, kTimings);
  EXPECT_NE(out.find(R"("message":{"role":"assistant","reasoning_content":"hm","content":"42")"),
            std::string::npos)
      << out;
  out.clear();
  make_chat_form(facts())->part(out, {.text = "hm", .reasoning = true});
  EXPECT_NE(out.find(R"("delta":{"reasoning_content":"hm"})"), std::string::npos) << out;
  out.clear();
  make_completion_form(facts())->part(out, {.text = "hm", .reasoning = true});
  EXPECT_EQ(out, "") << "the older form knows none";
}

TEST(OpenAiAnswer, OfACompletionBeginsWithThePromptWhereThatIsWanted) {
  AnswerFacts own = facts(false, 4);
  own.echo = {"p ", "q "};  // two choices each
  GenerateResponse response = saying("a");
  response.choices.resize(4, response.choices[0]);
  std::string out;
  make_completion_form(own)->whole(out, response, kTimings);
  for (const char* text : {R"("text":"p a","index":0)", R"("text":"p a","index":1)",
                           R"("text":"q a","index":2)", R"("text":"q a","index":3)"}) {
    EXPECT_NE(out.find(text), std::string::npos) << text << " in " << out;
  }
  out.clear();
  make_completion_form(own)->begin(out);
  EXPECT_NE(out.find(R"("text":"q ","index":2)"), std::string::npos) << out;
}

TEST(OpenAiAnswer, SaysWhoSpeaksInEveryChoice) {
  std::string out;
  make_chat_form(facts(false, 2))->begin(out);
  EXPECT_NE(out.find(R"("index":1,"delta":{"role":"assistant")"), std::string::npos);
  EXPECT_EQ(out.find("usage"), std::string::npos);
}

TEST(OpenAiAnswer, HasLogprobsWithTheirBytes) {
  GenerateResponse response = saying("é");
  response.choices[0].logprobs = {{"é", -0.5, {{"é", -0.5}, {"e", -2.0}}}};
  std::string out;
  make_chat_form(facts())->whole(out, response, kTimings);
  EXPECT_NE(out.find(R"("logprobs":{"content":[{"token":"é","logprob":-0.5,"bytes":[195,169],)"
                     R"("top_logprobs":[{"token":"é","logprob":-0.5,"bytes":[195,169]},)"
                     R"({"token":"e","logprob":-2,"bytes":[101]}]}],"refusal":null})"),
            std::string::npos)
      << out;
}

TEST(OpenAiAnswer, OfACompletionCountsTheOffsetsOfItsTokensInCharacters) {
  const auto form = make_completion_form(facts());
  std::string out;
  form->part(out, {0, "é", {{"é", -0.5, {}}}});
  out.clear();
  form->part(out, {0, " b", {{" b", -1, {{" b", -1}}}}});
  EXPECT_EQ(out,
            R"(data: {"id":"x-1","object":"text_completion","created":9,"model":"m","choices":[)"
            R"({"text":" b","index":0,"logprobs":{"tokens":[" b"],"token_logprobs":[-1],)"
            R"("top_logprobs":[{" b":-1}],"text_offset":[1]},"finish_reason":null}]})"
            "\n\n");
}

TEST(OpenAiAnswer, OfACompletionShowsPartsOfACharacterAsBytes) {
  GenerateResponse response = saying("\u20ac");
  response.choices[0].logprobs = {{"\xe2\x82", -0.5, {{"\xe2\x82", -0.5}}}, {"\xac", -1, {}}};
  std::string out;
  make_completion_form(facts())->whole(out, response, kTimings);
  EXPECT_NE(out.find(R"("tokens":["bytes:\\xe2\\x82","bytes:\\xac"])"), std::string::npos) << out;
  EXPECT_NE(out.find(R"("top_logprobs":[{"bytes:\\xe2\\x82":-0.5},{}])"), std::string::npos) << out;
}

TEST(OpenAiAnswer, TellsErrorsInItsForm) {
  EXPECT_EQ(error_json(too_long_for_context("long"), "messages"),
            R"({"error":{"message":"long","type":"invalid_request_error","param":"messages",)"
            R"("code":"context_length_exceeded"}})");
  EXPECT_EQ(error_json(invalid("no"), "n"),
            R"({"error":{"message":"no","type":"invalid_request_error","param":"n","code":null}})");
  EXPECT_EQ(error_json({ErrorCode::kExhausted, "full"}),
            R"({"error":{"message":"full","type":"rate_limit_error","param":null,)"
            R"("code":"rate_limit_exceeded"}})");
  std::string out;
  make_chat_form(facts())->broken(out, internal("oops"));
  EXPECT_EQ(out,
            "event: error\ndata: "
            R"({"error":{"message":"oops","type":"server_error","param":null,)"
            R"("code":"internal_error"}})"
            "\n\n");
}

TEST(OpenAiAnswer, WritesVectorsAsNumbersAndAsBytes) {
  EmbedResponse response;
  response.model = "e";
  response.vectors = {{1.0F, -0.5F}};
  response.prompt_tokens = 3;
  EmbedAsked asked;
  EXPECT_EQ(embedding_json(asked, response),
            R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[1,-0.5]}],)"
            R"("model":"e","usage":{"prompt_tokens":3,"total_tokens":3}})");
  asked.base64 = true;
  EXPECT_NE(embedding_json(asked, response).find(R"("embedding":"AACAPwAAAL8=")"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice::api::openai
