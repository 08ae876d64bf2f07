#include "services/news_creator/service.h"

#include <gtest/gtest.h>

#include "gateway/testing_mount.h"
#include "inference/testing_callable.h"
#include "services/news_creator/prompt.h"

namespace sluice::news_creator {
namespace {

using namespace std::chrono_literals;
using gateway::testing::MountBench;
using sluice::testing::FakeCallable;

TEST(PromptTemplate, PutsAnArticleInItsPlaceAndNoneOfItsWordsElsewhere) {
  const auto prompt = PromptTemplate::parse("<{{content}}> {{article_id}} {x} }}");
  ASSERT_TRUE(prompt) << prompt.error().message;
  EXPECT_EQ(prompt->render("{{article_id}}", "7"), "<{{article_id}}> 7 {x} }}");
}

TEST(PromptTemplate, RefusesWhatHasNoPlaceForTheArticleOrUnknownOnes) {
  EXPECT_FALSE(PromptTemplate::parse("Summarize."));
  EXPECT_EQ(PromptTemplate::parse("{{content}} {{title}}").error().message,
            "the prompt has {{title}}, but only {{content}} and {{article_id}} are known");
  EXPECT_FALSE(PromptTemplate::parse("{{content}} {{}}"));
  EXPECT_TRUE(PromptTemplate::load(""));
  EXPECT_FALSE(PromptTemplate::load("/nowhere/prompt.txt"));
}

class NewsCreatorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    model_->description.takes = RequestKind::kGenerate;
    bench_.configure({MountBench::model("smollm2", model_)});
    kept_ = add_service(bench_.router, bench_.mount("", "smollm2"), {}).value();
  }
  http::TestExchange& summarize(const std::string& members, std::size_t characters = 100) {
    return bench_.post(
        "/api/v1/summarize",
        R"({"article_id":"a1","content":")" + std::string(characters, 'x') + "\"" + members + "}");
  }
  FakeCallable::Pending& call() { return *model_->pending.at(0); }
  static GenerateResponse saying(std::string text) {
    GenerateResponse response;
    response.model = "smollm2";
    response.choices.push_back({.text = std::move(text), .tool_calls = {}, .logprobs = {}});
    response.usage = {.prompt_tokens = 5, .cached_tokens = 0, .completion_tokens = 2};
    return response;
  }

  MountBench bench_;
  std::shared_ptr<FakeCallable> model_ = std::make_shared<FakeCallable>("smollm2");
  std::shared_ptr<const void> kept_;
};

TEST_F(NewsCreatorTest, Summarizes) {
  auto& x = summarize("");
  const auto& request = std::get<GenerateRequest>(*call().request);
  EXPECT_NE(request.messages.at(0).content.find(std::string(100, 'x')), std::string::npos);
  EXPECT_EQ(call().call.service_class, ServiceClass::kBestEffort);
  call().reply(saying(" short.\n"));
  EXPECT_EQ(x.status, 200);
  EXPECT_TRUE(x.answer.starts_with(
      R"({"success":true,"article_id":"a1","summary":"short.","model":"smollm2",)"
      R"("prompt_tokens":5,"completion_tokens":2,"total_duration_ms":)"))
      << x.answer;
}

TEST_F(NewsCreatorTest, StreamsASummaryAsJsonStrings) {
  auto& x = summarize(R"(,"stream":true)");
  EXPECT_EQ(call().call.service_class, ServiceClass::kRealtime);
  call().sink->on_part({0, "a\n\"b\"", {}});
  EXPECT_EQ(x.content_type, "text/event-stream");
  EXPECT_EQ(x.headers.find("X-Accel-Buffering"), "no");
  EXPECT_EQ(x.answer, "data: \"a\\n\\\"b\\\"\"\n\n");
  call().reply(fail(internal("oops")));
  EXPECT_TRUE(x.answer.ends_with("event: error\ndata: {\"error\":\"oops\"}\n\n")) << x.answer;
}

TEST_F(NewsCreatorTest, HasTheCodesThatItsClientsKnow) {
  struct Case {
    Error error;
    int status;
  };
  const Case cases[] = {
      {{ErrorCode::kExhausted, "x", 1s}, 429},
      {internal("x"), 502},
      {unavailable("x"), 502},
      {invalid("x"), 400},
  };
  for (const Case& c : cases) {
    auto& x = summarize("");
    call().reply(fail(c.error));
    model_->pending.clear();
    EXPECT_EQ(x.status, c.status);
  }
  EXPECT_EQ(summarize("", 99).status, 400);
  EXPECT_EQ(summarize("", 240'001).status, 400);
  EXPECT_EQ(summarize(R"(,"priority":"urgent")").status, 422);
  EXPECT_EQ(bench_.post("/api/v1/summarize", R"({"content":"x"})").status, 422);
  EXPECT_EQ(bench_.post("/api/v1/summarize", "no").status, 422);
  EXPECT_EQ(bench_.post("/api/generate", R"({"prompt":5})").status, 422);
  EXPECT_EQ(bench_.post("/api/chat", R"({"messages":"x"})").status, 422);
}

TEST_F(NewsCreatorTest, GeneratesAndChatsAsOllamaInClassesOfItsOwn) {
  bench_.post("/api/generate", R"({"prompt":"a"})");
  EXPECT_EQ(call().call.service_class, ServiceClass::kBestEffort);
  model_->pending.clear();
  bench_.post("/api/generate", R"({"prompt":"a","priority":"high"})");
  EXPECT_EQ(call().call.service_class, ServiceClass::kRealtime);
  model_->pending.clear();
  bench_.post("/api/generate", R"({"prompt":"a","stream":true})");
  EXPECT_EQ(call().call.service_class, ServiceClass::kRealtime) << "somebody reads along";
  model_->pending.clear();
  bench_.post("/api/generate", R"({"prompt":"a","stream":true,"priority":"low"})");
  EXPECT_EQ(call().call.service_class, ServiceClass::kBestEffort);
  model_->pending.clear();
  auto& x = bench_.post("/api/chat", R"({"messages":[{"role":"user","content":"a"}]})");
  EXPECT_EQ(call().call.service_class, ServiceClass::kRealtime);
  call().reply(fail(Error{ErrorCode::kExhausted, "x", 1s}));
  EXPECT_EQ(x.status, 429);
  EXPECT_EQ(x.answer, R"({"error":"queue full"})");
}

TEST_F(NewsCreatorTest, TellsOfItsQueueAndHealth) {
  EXPECT_EQ(bench_.get("/queue/status").answer,
            R"({"rt_queue":0,"be_queue":0,"total_slots":0,"available_slots":0,"accepting":true,)"
            R"("max_queue_depth":0,"acquired_slots":0})");
  EXPECT_EQ(bench_.get("/health").status, 200);
  EXPECT_EQ(bench_.get("/health/deep").status, 200);
  model_->readiness = fail(unavailable("loading"));
  EXPECT_EQ(bench_.get("/health").status, 200);
  EXPECT_EQ(bench_.get("/health/deep").status, 503);
}

}  // namespace
}  // namespace sluice::news_creator
