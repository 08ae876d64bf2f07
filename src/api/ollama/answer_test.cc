#include "api/ollama/answer.h"

#include <gtest/gtest.h>

#include "inference/residency_status.h"
#include "inference/testing_callable.h"

namespace sluice::api::ollama {
namespace {

using namespace std::chrono_literals;

class OllamaAnswerTest : public ::testing::Test {
 protected:
  AnswerFacts facts(std::string_view load = {}) {
    return {.model = "m", .dialect = Dialect::kOllama, .clock = &clock_, .load_reason = load};
  }
  static GenerateResponse saying(std::string text) {
    GenerateResponse response;
    response.choices.push_back({.text = std::move(text), .tool_calls = {}, .logprobs = {}});
    response.usage = {.prompt_tokens = 5, .cached_tokens = 0, .completion_tokens = 2};
    return response;
  }

  static constexpr telemetry::GenerationTimings kTimings{
      .queue = 1ns, .load = 2ns, .prompt = 3ns, .decode = 4ns, .overhead = 5ns, .to_first = 6ns};
  static constexpr std::string_view kHead =
      R"({"model":"m","created_at":"2023-11-14T22:13:20.000Z",)";
  static constexpr std::string_view kDone =
      R"("done":true,"done_reason":"stop","total_duration":15,"load_duration":2,)"
      R"("prompt_eval_count":5,"prompt_eval_duration":3,"eval_count":2,"eval_duration":4,)"
      R"("timings":{"queue_ms":0,"load_ms":0,"prompt_ms":0,"decode_ms":0,"overhead_ms":0,)"
      R"("total_ms":0,"first_token_ms":0}})";
  ManualClock clock_;
};

TEST_F(OllamaAnswerTest, StreamsLines) {
  const auto form = make_generate_form(facts());
  std::string out;
  form->begin(out);
  form->part(out, {0, "hi", {}});
  form->end(out, saying("hi"), kTimings);
  EXPECT_EQ(out, std::string(kHead) + R"("response":"hi","done":false})" + "\n" +
                     std::string(kHead) + R"("response":"",)" + std::string(kDone) + "\n");
  out.clear();
  form->broken(out, internal("oops"));
  EXPECT_EQ(out, "{\"error\":\"oops\"}\n");
}

TEST_F(OllamaAnswerTest, AnswersAChatAsAWhole) {
  std::string out;
  make_chat_form(facts())->whole(out, saying("hi"), kTimings);
  EXPECT_EQ(out, std::string(kHead) + R"("message":{"role":"assistant","content":"hi"},)" +
                     std::string(kDone));
}

TEST_F(OllamaAnswerTest, HasThoughtsAndLogprobsBesideTheText) {
  GenerateResponse response = saying("a");
  response.choices[0].reasoning = "hm";
  response.choices[0].logprobs = {{"a", -0.5, {{"a", -0.5}, {"b", -1}}}};
  std::string out;
  make_chat_form(facts())->whole(out, response, kTimings);
  EXPECT_EQ(out, std::string(kHead) +
                     R"("message":{"role":"assistant","content":"a","thinking":"hm"},)"
                     R"("logprobs":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[)"
                     R"({"token":"a","logprob":-0.5,"bytes":[97]},)"
                     R"({"token":"b","logprob":-1,"bytes":[98]}]}],)" +
                     std::string(kDone));
  out.clear();
  make_generate_form(facts())->part(out, {.text = "hm", .reasoning = true});
  EXPECT_EQ(out, std::string(kHead) + R"("response":"","thinking":"hm","done":false})" + "\n");
}

TEST_F(OllamaAnswerTest, GivesTheArgumentsOfAToolCallAsAnObject) {
  GenerateResponse response = saying("");
  response.choices[0].finish = FinishReason::kToolCalls;
  response.choices[0].tool_calls = {{"", "f", R"({"a":1})"}, {"", "g", "oops"}};
  std::string out;
  make_chat_form(facts())->whole(out, response, kTimings);
  EXPECT_NE(out.find(R"("tool_calls":[{"function":{"name":"f","arguments":{"a":1}}},)"
                     R"({"function":{"name":"g","arguments":{}}}])"),
            std::string::npos)
      << out;
  EXPECT_NE(out.find(R"("done_reason":"stop")"), std::string::npos);
}

TEST_F(OllamaAnswerTest, SaysThatTheModelIsLoaded) {
  std::string out;
  make_generate_form(facts("load"))->whole(out, saying(""), kTimings);
  EXPECT_EQ(out, std::string(kHead) + R"("response":"","done":true,"done_reason":"load"})");
}

TEST_F(OllamaAnswerTest, ShowsWhatIsKnownOfAModel) {
  Description description{.name = "m", .platform = "llama_cpp", .version = "1"};
  description.takes = RequestKind::kGenerate;
  description.properties = {
      {"architecture", std::string("llama")},  {"parameters", std::int64_t{134515008}},
      {"quantization", std::string("Q8_0")},   {"context", std::int64_t{2048}},
      {"embedding_length", std::int64_t{576}}, {"modified", std::int64_t{1'600'000'000}}};
  const std::string shown = show_json(description, clock_.wall());
  EXPECT_NE(shown.find(R"("details":{"parent_model":"","format":"gguf","family":"llama",)"
                       R"("families":["llama"],"parameter_size":"134.52M",)"
                       R"("quantization_level":"Q8_0"})"),
            std::string::npos)
      << shown;
  EXPECT_NE(shown.find(R"("llama.context_length":2048)"), std::string::npos);
  EXPECT_NE(shown.find(R"("general.basename":"m")"), std::string::npos);
  EXPECT_NE(shown.find(R"("capabilities":["completion","tools"])"), std::string::npos);
  EXPECT_NE(shown.find(R"("llama.embedding_length":576)"), std::string::npos);
  EXPECT_NE(shown.find(R"("modified_at":"2020-09-13T12:26:40.000Z")"), std::string::npos) << shown;
  description.properties["tools"] = false;
  description.properties["reasoning"] = true;
  EXPECT_NE(
      show_json(description, clock_.wall()).find(R"("capabilities":["completion","thinking"])"),
      std::string::npos);
}

// A model that comes and goes.
class FakeResident final : public sluice::testing::FakeCallable, public Resident {
 public:
  explicit FakeResident(std::string name) : FakeCallable(std::move(name)) {}
  [[nodiscard]] bool loaded() const override { return is_loaded; }
  [[nodiscard]] std::optional<Duration> leaves_in() const override { return left; }
  [[nodiscard]] std::uint64_t bytes() const override { return 145; }

  bool is_loaded = true;
  std::optional<Duration> left = 5min;
};

TEST_F(OllamaAnswerTest, ListsTheModelsThatAreLoadedAndWhenTheyLeave) {
  FakeResident model("m");
  const auto listed = [&](const Callable& callable) {
    return running_json({&callable}, clock_.wall());
  };
  const std::string leaving = listed(model);
  EXPECT_TRUE(
      leaving.starts_with(R"({"models":[{"name":"m:latest","model":"m:latest","size":145,)"))
      << leaving;
  EXPECT_NE(leaving.find(R"("expires_at":"2023-11-14T22:18:20.000Z")"), std::string::npos);
  for (const auto left : {std::optional<Duration>(), std::optional(Duration::max())}) {
    model.left = left;
    EXPECT_NE(listed(model).find(R"("expires_at":"2123-10-21T22:13:20.000Z")"), std::string::npos)
        << listed(model);
  }
  model.is_loaded = false;
  EXPECT_EQ(listed(model), R"({"models":[]})");
}

TEST_F(OllamaAnswerTest, ListsAModelThatDoesNotSayWhetherItIsLoadedWhileItIsReady) {
  sluice::testing::FakeCallable model("m");
  model.description.properties["size"] = std::int64_t{99};
  const auto listed = [&] { return running_json({&model}, clock_.wall()); };
  EXPECT_NE(listed().find(R"("size":99)"), std::string::npos) << listed();
  EXPECT_NE(listed().find(R"("expires_at":"2123-)"), std::string::npos) << listed();
  model.readiness = fail(unavailable("loading"));
  EXPECT_EQ(listed(), R"({"models":[]})");
}

}  // namespace
}  // namespace sluice::api::ollama
