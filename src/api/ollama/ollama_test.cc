#include "api/ollama/ollama.h"

#include <gtest/gtest.h>

#include "base/format.h"
#include "gateway/testing_mount.h"
#include "inference/testing_callable.h"

namespace sluice::api::ollama {
namespace {

using namespace std::chrono_literals;
using gateway::testing::MountBench;
using sluice::testing::FakeCallable;

class OllamaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    model_->description.takes = RequestKind::kGenerate;
    model_->description.properties["context"] = std::int64_t{2048};
    bench_.configure({MountBench::model("m", model_)});
  }
  void serve(const OllamaRules& rules = {}) {
    kept_ = add_ollama(bench_.router, bench_.mount("", ""), rules).value();
  }
  // With a key that may call what is named in `callables`.
  std::unique_ptr<http::TestExchange> post_as(std::vector<std::string> callables, std::string path,
                                              std::string body) {
    auto exchange = std::make_unique<http::TestExchange>(
        bench_.loop,
        http::TestExchange::Request{http::Method::kPost, std::move(path), std::move(body), {}, ""});
    auto principal = std::make_shared<Principal>();
    principal->scopes.callables = std::move(callables);
    exchange->principal = std::move(principal);
    exchange->serve(bench_.router);
    return exchange;
  }
  FakeCallable::Pending& call() { return *model_->pending.at(0); }

  MountBench bench_;
  std::shared_ptr<FakeCallable> model_ = std::make_shared<FakeCallable>("m");
  std::shared_ptr<const void> kept_;
};

TEST_F(OllamaTest, StreamsUnlessToldNotTo) {
  serve();
  auto& x = bench_.post("/api/generate", R"({"model":"m:latest","prompt":"hi"})");
  call().sink->on_part({0, "a", {}});
  EXPECT_EQ(x.content_type, "application/x-ndjson");
  EXPECT_TRUE(x.answer.starts_with(R"({"model":"m:latest",)")) << x.answer;
  call().reply(GenerateResponse());
  EXPECT_TRUE(x.ended);
  model_->pending.clear();
  auto& whole = bench_.post(
      "/api/chat", R"({"model":"m","stream":false,"messages":[{"role":"user","content":"a"}]})");
  call().reply(GenerateResponse());
  EXPECT_EQ(whole.content_type, "application/json");
}

TEST_F(OllamaTest, LeavesWhatIsNotSaidToEnginesBehindAWire) {
  serve();
  for (const auto where : {Placement::Where::kPooled, Placement::Where::kRemote}) {
    model_->placed.where = where;
    bench_.post("/api/generate", R"({"prompt":"hi","options":{"top_p":0.5,"num_ctx":1024}})");
    const auto& asked = std::get<GenerateRequest>(*call().request);
    EXPECT_EQ(asked.sampling.top_k.has_value(), where == Placement::Where::kPooled);
    EXPECT_EQ(asked.sampling.top_p, 0.5);
    EXPECT_EQ(asked.context, 1024U);
    call().reply(GenerateResponse());
    model_->pending.clear();
  }
}

TEST_F(OllamaTest, TellsErrorsInTheWordsOfItsDialect) {
  struct Case {
    Dialect dialect;
    Error error;
    int status;
    std::string body;
  };
  const std::string busy =
      R"({"error":"server busy, please try again.  maximum pending requests exceeded"})";
  const Case cases[] = {
      {Dialect::kOllama, {ErrorCode::kExhausted, "x", 1s}, 503, busy},
      {Dialect::kOllama, internal("oops"), 500, R"({"error":"oops"})"},
      {Dialect::kNewsCreator, {ErrorCode::kExhausted, "x", 1s}, 429, R"({"error":"queue full"})"},
      {Dialect::kNewsCreator, internal("oops"), 502, R"({"error":"oops"})"},
      {Dialect::kNewsCreator, unavailable("gone"), 502, R"({"error":"gone"})"},
      {Dialect::kNewsCreator, {ErrorCode::kUnavailable, "shed", 1s}, 503, R"({"error":"shed"})"},
  };
  for (const Case& c : cases) {
    bench_.router = {};
    serve({.dialect = c.dialect});
    auto& x = bench_.post("/api/generate", R"({"model":"m","prompt":"hi"})");
    call().reply(fail(c.error));
    model_->pending.clear();
    EXPECT_EQ(x.status, c.status) << c.body;
    EXPECT_EQ(x.answer, c.body);
    EXPECT_EQ(x.headers.find("Retry-After").has_value(), c.error.retry_after.has_value());
  }
}

TEST_F(OllamaTest, TakesAContextThatTheModelHasNotForTheModels) {
  serve();
  bench_.post("/api/generate", R"({"model":"m","prompt":"a","options":{"num_ctx":4096}})");
  EXPECT_EQ(model_->pending.size(), 1) << "what does not fit is refused with its counts";
}

TEST_F(OllamaTest, HasPulledWhatItServes) {
  serve();
  EXPECT_EQ(bench_.post("/api/pull", R"({"model":"m:latest"})").answer,
            "{\"status\":\"success\"}\n");
  EXPECT_EQ(bench_.post("/api/pull", R"({"model":"m","stream":false})").answer,
            R"({"status":"success"})");
  EXPECT_EQ(bench_.post("/api/pull", R"({"model":"gone"})").status, 404);
  EXPECT_EQ(bench_.post("/api/show", R"({"model":"gone"})").status, 404);
}

TEST_F(OllamaTest, RefusesToThinkWhereTheModelIsKnownNotTo) {
  serve();
  for (const char* able : {"yes", "no", "unknown"}) {
    model_->description.properties.erase("reasoning");
    if (able != std::string_view("unknown")) {
      model_->description.properties["reasoning"] = able == std::string_view("yes");
    }
    auto& x = bench_.post("/api/generate", R"({"model":"m","prompt":"a","think":true})");
    EXPECT_EQ(x.status == 400, able == std::string_view("no")) << x.answer;
    bench_.post("/api/generate", R"({"model":"m","prompt":"a","think":false})");
  }
  EXPECT_EQ(model_->pending.size(), 5);
}

TEST_F(OllamaTest, TellsAKeyNothingOfWhatItMayNotCall) {
  serve();
  for (const std::string path : {"/api/generate", "/api/chat", "/api/embed", "/api/show"}) {
    for (const std::string name : {"m", "gone"}) {
      const auto x =
          post_as({"other"}, path, R"({"options":{"num_ctx":4096},"model":")" + name + R"("})");
      EXPECT_EQ(x->status, 403) << path << " " << name << ": " << x->answer;
    }
  }
  EXPECT_EQ(post_as({"m"}, "/api/show", R"({"model":"m"})")->status, 200);
}

TEST_F(OllamaTest, ShowsOnlyWhatTakesText) {
  const auto tensors = std::make_shared<FakeCallable>("iris");
  const auto embedder = std::make_shared<FakeCallable>("e");
  embedder->description.takes = RequestKind::kEmbed;
  bench_.configure({MountBench::model("m", model_), MountBench::model("iris", tensors),
                    MountBench::model("e", embedder)});
  serve();
  EXPECT_EQ(bench_.post("/api/show", R"({"model":"e"})").status, 200);
  const auto& x = bench_.post("/api/show", R"({"model":"iris"})");
  EXPECT_EQ(x.status, 404);
  EXPECT_EQ(x.answer, R"({"error":"there is no model 'iris'"})");
}

TEST_F(OllamaTest, HasTheClassThatItIsGivenForPromptsWhoseAnswerNobodyReadsAlong) {
  serve({.generate_class = ServiceClass::kBestEffort});
  bench_.post("/api/generate", R"({"prompt":"a"})");
  EXPECT_EQ(call().call.service_class, ServiceClass::kBestEffort);
  model_->pending.clear();
  bench_.post("/api/generate", R"({"prompt":"a","priority":"high"})");
  EXPECT_EQ(call().call.service_class, ServiceClass::kRealtime);
}

TEST_F(OllamaTest, TellsOfItselfAndItsModels) {
  serve();
  EXPECT_EQ(bench_.get("/").answer, "Ollama is running");
  EXPECT_EQ(bench_.get("/api/version").answer, formatted(R"({{"version":"{}"}})", kApiVersion));
  EXPECT_TRUE(
      bench_.get("/api/tags").answer.starts_with(R"({"models":[{"name":"m:latest","model":)"));
  EXPECT_NE(bench_.get("/api/ps").answer.find(R"("context_length":2048)"), std::string::npos);
}

}  // namespace
}  // namespace sluice::api::ollama
