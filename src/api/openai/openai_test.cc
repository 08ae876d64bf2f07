#include "api/openai/openai.h"

#include <gtest/gtest.h>

#include "gateway/testing_mount.h"
#include "inference/testing_callable.h"

namespace sluice::api::openai {
namespace {

using namespace std::chrono_literals;
using gateway::testing::MountBench;
using sluice::testing::FakeCallable;

constexpr std::string_view kChat = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})";

class OpenAiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    model_->description.takes = RequestKind::kGenerate;
    embedder_->description.takes = RequestKind::kEmbed;
    bench_.configure({MountBench::model("m", model_), MountBench::model("e", embedder_)});
    kept_ = add_openai(bench_.router, bench_.mount("", "")).value();
  }
  http::TestExchange& post(std::string path, std::string_view body,
                           std::vector<std::pair<std::string, std::string>> headers = {}) {
    return bench_.serve(
        {http::Method::kPost, std::move(path), std::string(body), std::move(headers), ""});
  }
  FakeCallable::Pending& call() { return *model_->pending.at(0); }

  MountBench bench_;
  std::shared_ptr<FakeCallable> model_ = std::make_shared<FakeCallable>("m");
  std::shared_ptr<FakeCallable> embedder_ = std::make_shared<FakeCallable>("e");
  std::shared_ptr<const void> kept_;
};

TEST_F(OpenAiTest, AnswersAChat) {
  auto& x = post("/v1/chat/completions", kChat);
  EXPECT_EQ(std::get<GenerateRequest>(*call().request).messages.at(0).content, "hi");
  EXPECT_EQ(call().call.service_class, ServiceClass::kRealtime);
  GenerateResponse response;
  response.choices.push_back({.text = "hello", .tool_calls = {}, .logprobs = {}});
  call().reply(std::move(response));
  EXPECT_EQ(x.status, 200);
  EXPECT_EQ(x.content_type, "application/json");
  EXPECT_TRUE(x.answer.starts_with(R"({"id":"chatcmpl-)")) << x.answer;
  EXPECT_EQ(x.labels.callable, "m");
}

TEST_F(OpenAiTest, MapsEveryErrorToItsStatus) {
  struct Case {
    ErrorCode code;
    int status;
  };
  const Case cases[] = {
      {ErrorCode::kInvalid, 400},     {ErrorCode::kUnauthenticated, 401},
      {ErrorCode::kForbidden, 403},   {ErrorCode::kNotFound, 404},
      {ErrorCode::kTooLarge, 413},    {ErrorCode::kExhausted, 429},
      {ErrorCode::kTimeout, 408},     {ErrorCode::kCancelled, 499},
      {ErrorCode::kUnavailable, 503}, {ErrorCode::kInternal, 500},
  };
  for (const Case& c : cases) {
    auto& x = post("/v1/chat/completions", kChat);
    call().reply(fail(Error{c.code, "why", 1200ms}));
    EXPECT_EQ(x.status, c.status) << to_string(c.code);
    EXPECT_EQ(x.headers.find("Retry-After"), "2");
    EXPECT_EQ(x.headers.find("retry-after-ms"), "1200");
    EXPECT_TRUE(x.answer.starts_with(R"({"error":{"message":"why",)")) << x.answer;
    model_->pending.clear();
  }
}

TEST_F(OpenAiTest, SaysWhichMemberIsTooLongForTheContext) {
  const std::pair<std::string, std::string> cases[] = {{"/v1/chat/completions", "messages"},
                                                       {"/v1/completions", "prompt"}};
  for (const auto& [path, param] : cases) {
    auto& x =
        post(path, R"({"model":"m","prompt":"a","messages":[{"role":"user","content":"a"}]})");
    call().reply(fail(too_long_for_context("too long")));
    model_->pending.clear();
    EXPECT_EQ(x.status, 400);
    EXPECT_EQ(x.answer, R"({"error":{"message":"too long","type":"invalid_request_error",)"
                        R"("param":")" +
                            param + R"(","code":"context_length_exceeded"}})");
  }
}

TEST_F(OpenAiTest, AsksEachPromptOfAListAndAnswersThemAsOne) {
  auto& x = post("/v1/completions", R"({"model":"m","prompt":["a","b"],"echo":true})");
  ASSERT_EQ(model_->pending.size(), 2);
  for (const char* text : {"1", "2"}) {
    GenerateResponse response;
    response.choices.push_back({.text = text});
    model_->reply(std::move(response));
  }
  EXPECT_EQ(x.status, 200);
  EXPECT_NE(x.answer.find(R"("text":"a1","index":0)"), std::string::npos) << x.answer;
  EXPECT_NE(x.answer.find(R"("text":"b2","index":1)"), std::string::npos) << x.answer;
}

TEST_F(OpenAiTest, NamesTheModelWhereItTakesSomethingElse) {
  const auto& x = post("/v1/completions", R"({"model":"e","prompt":"a"})");
  EXPECT_EQ(x.status, 400);
  EXPECT_EQ(x.answer, R"({"error":{"message":"'e' takes texts to embed, not prompts","type":)"
                      R"("invalid_request_error","param":"model","code":null}})");
}

TEST_F(OpenAiTest, TellsOfPathsThatAreNotThereInItsForm) {
  http::TestExchange x(bench_.loop, {http::Method::kPost, "/v1/audio/speech", "", {}, ""});
  bench_.router.error_form("/v1/audio/speech")(x, 404, not_found("no such path"), nullptr);
  EXPECT_TRUE(x.answer.starts_with(R"({"error":{"message":"no such path",)")) << x.answer;
}

TEST_F(OpenAiTest, RefusesUnknownModelsByTheirCode) {
  auto& x = post("/v1/completions", R"({"model":"gpt","prompt":"a"})");
  EXPECT_EQ(x.status, 404);
  EXPECT_EQ(x.answer,
            R"({"error":{"message":"there is no model 'gpt'","type":"invalid_request_error",)"
            R"("param":"model","code":"model_not_found"}})");
  EXPECT_EQ(bench_.get("/v1/models/gpt").status, 404);
}

TEST_F(OpenAiTest, TellsAKeyNothingOfWhatItMayNotCall) {
  auto principal = std::make_shared<Principal>();
  principal->scopes.callables = {"e"};
  for (const std::string name : {"m", "m:latest", "gone"}) {
    http::TestExchange x(bench_.loop, {http::Method::kPost,
                                       "/v1/completions",
                                       R"({"prompt":"a","model":")" + name + R"("})",
                                       {},
                                       ""});
    x.principal = principal;
    x.serve(bench_.router);
    EXPECT_EQ(x.status, 403) << name;
  }
}

TEST_F(OpenAiTest, TakesTheClassFromTheHeaderOrThePriority) {
  post("/v1/chat/completions", kChat, {{"X-Sluice-Class", "best_effort"}});
  EXPECT_EQ(call().call.service_class, ServiceClass::kBestEffort);
  EXPECT_EQ(post("/v1/chat/completions", kChat, {{"X-Sluice-Class", "x"}}).status, 400);
}

TEST_F(OpenAiTest, ListsItsModels) {
  const auto& x = bench_.get("/v1/models");
  EXPECT_TRUE(x.answer.starts_with(R"({"object":"list","data":[{"id":"m","object":"model",)"))
      << x.answer;
  EXPECT_NE(x.answer.find(R"("id":"e")"), std::string::npos);
  EXPECT_TRUE(bench_.get("/v1/models/e").answer.starts_with(R"({"id":"e",)"));
}

TEST_F(OpenAiTest, CutsVectorsToFewerDimensionsAndRefusesMoreThanThereAre) {
  for (const auto& [dimensions, found] :
       {std::pair("1", R"("embedding":[1])"), std::pair("2", R"("embedding":[0.6,0.8])"),
        std::pair("3", R"("param":"dimensions")")}) {
    auto& x = post("/v1/embeddings",
                   std::string(R"({"model":"e","input":"a","dimensions":)") + dimensions + "}");
    EmbedResponse response;
    response.vectors = {{0.6F, 0.8F}};
    embedder_->pending.at(0)->reply(response);
    embedder_->pending.clear();
    EXPECT_NE(x.answer.find(found), std::string::npos) << x.answer;
  }
  EXPECT_EQ(post("/v1/embeddings", R"({"model":"m","input":"a"})").status, 400);
}

}  // namespace
}  // namespace sluice::api::openai
