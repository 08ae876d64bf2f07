#include <gtest/gtest.h>

#include "gateway/testing_mount.h"
#include "inference/testing_callable.h"
#include "services/horizontal/service.h"

namespace sluice::horizontal {
namespace {

using gateway::testing::MountBench;
using sluice::testing::FakeCallable;
using sluice::testing::FakeService;
using sluice::testing::fp32;
using sluice::testing::response_of;

constexpr std::string_view kRow = R"({"data":[[1,2]]})";

// An ensemble of a model in this process and a service behind a wire.
class ProxyTest : public ::testing::Test, protected MountBench {
 protected:
  ProxyTest() {
    ensemble({.merge = {.rule = gateway::MergeRule::kBestLabel}});
    kept_ = add_proxy(router, mount("", "iris"), {.sample = {{0.5, 1}}}).value();
  }
  void ensemble(gateway::EnsembleOptions options) {
    configure(
        {model("here", here_), model("there", there_),
         gateway::EnsembleSpec{"iris", {{"setosa", "here"}, {"virginica", "there"}}, options}});
  }
  static Result<Response> answer(float p) { return response_of(fp32("y", {1, 2}, {p, 1 - p})); }

  std::shared_ptr<FakeCallable> here_ = std::make_shared<FakeCallable>(
      "here", Placement{Placement::Where::kInline, std::chrono::microseconds(10)});
  std::shared_ptr<FakeService> there_ = std::make_shared<FakeService>("there");
  std::shared_ptr<const void> kept_;
};

TEST_F(ProxyTest, SaysThatItLivesWithoutAskingAnyone) {
  EXPECT_EQ(get("/health").answer, R"({"health":"ok"})");
  EXPECT_TRUE(there_->pending.empty());
}

TEST_F(ProxyTest, GivesEveryMembersPredictionInTheirOrder) {
  auto& x = post("/predict", std::string(kRow));
  EXPECT_EQ(x.status, 0);
  there_->reply(answer(0.5F));
  EXPECT_EQ(x.status, 200);
  EXPECT_EQ(x.answer,
            R"({"setosa":{"prediction":[0.25,0.75]},"virginica":{"prediction":[0.5,0.5]}})");
}

TEST_F(ProxyTest, GivesAFailedMemberItsErrorInItsPlace) {
  auto& x = post("/predict", std::string(kRow));
  there_->reply(fail(unavailable("no replica is up")));
  EXPECT_EQ(x.status, 200);
  EXPECT_EQ(x.answer,
            R"({"setosa":{"prediction":[0.25,0.75]},)"
            R"("virginica":{"error":{"code":"unavailable","message":"no replica is up"}}})");
}

TEST_F(ProxyTest, AnswersWithAStatusWhenTheQuorumIsMissed) {
  for (const auto& [error, status] :
       {std::pair(unavailable("down"), 503), std::pair(timed_out("late"), 504),
        std::pair(invalid("odd"), 422)}) {
    here_->answer = [&](const InferRequest&) { return fail(error); };
    auto& x = post("/predict", std::string(kRow));
    there_->reply(fail(error));
    EXPECT_EQ(x.status, status);
    EXPECT_EQ(x.content_type, "application/problem+json");
  }
}

TEST_F(ProxyTest, IsUnavailableWhenItsMembersFailInDifferentWays) {
  here_->answer = [&](const InferRequest&) { return fail(internal("it answered 500")); };
  auto& x = post("/predict", std::string(kRow));
  there_->reply(fail(timed_out("late")));
  EXPECT_EQ(x.status, 503);
}

TEST_F(ProxyTest, NamesTheLabelWithTheHighestProbability) {
  auto& x = post("/predict/label", std::string(kRow));
  there_->reply(answer(0.75F));
  EXPECT_EQ(x.answer, R"({"prediction":{"proba":0.75,"label":"virginica"}})");
}

TEST_F(ProxyTest, LabelsEveryRowAndNamesWhoIsMissing) {
  here_->answer = [](const InferRequest&) -> Result<Response> {
    return response_of(fp32("y", {2, 2}, {0.5F, 0.5F, 0.125F, 0.875F}));
  };
  auto& x = post("/predict/label", R"({"data":[[1,2],[3,4]]})");
  there_->reply(fail(timed_out("late")));
  EXPECT_EQ(x.answer, R"({"prediction":{"proba":0.5,"label":"setosa"},)"
                      R"("predictions":[{"proba":0.5,"label":"setosa"},)"
                      R"({"proba":0.125,"label":"setosa"}],)"
                      R"("missing":{"virginica":{"code":"timeout","message":"late"}}})");
}

TEST_F(ProxyTest, HasNoLabelWithoutRowsOrWithoutTheRuleForIt) {
  here_->answer = [](const InferRequest&) -> Result<Response> {
    return response_of(fp32("y", {0, 2}, {}));
  };
  auto& x = post("/predict/label", std::string(kRow));
  there_->reply(fail(timed_out("late")));
  EXPECT_EQ(x.status, 500);
  ensemble({});
  auto& y = post("/predict/label", std::string(kRow));
  there_->reply(answer(0.75F));
  EXPECT_EQ(y.status, 500);
  EXPECT_NE(y.answer.find("its merge rule must be best_label"), std::string::npos);
}

TEST_F(ProxyTest, PostsTheSampleToItsMembers) {
  auto& x = post("/predict/post/test");
  const auto& request = std::get<InferRequest>(*there_->pending.at(0)->request);
  EXPECT_EQ(request.inputs.at(0).as<float>()[0], 0.5F);
  there_->reply(answer(0.5F));
  EXPECT_EQ(x.answer,
            R"({"setosa":{"prediction":[0.25,0.75]},"virginica":{"prediction":[0.5,0.5]}})");
}

TEST_F(ProxyTest, AsksServicesForTheirOwnTestAndModelsWithTheSample) {
  auto& x = get("/predict/get/test");
  EXPECT_EQ(there_->pending.at(0)->what, FakeCallable::Waiting::kSelfTest);
  const auto& request = std::get<InferRequest>(*here_->seen.at(0));
  EXPECT_EQ(request.inputs.at(0).as<float>()[0], 0.5F);
  there_->reply(answer(1));
  EXPECT_EQ(x.status, 200);
  EXPECT_EQ(x.answer, R"({"setosa":{"prediction":[0.25,0.75]},"virginica":{"prediction":[1,0]}})");
}

TEST_F(ProxyTest, IsUnavailableWhenNoMemberAnswersItsTest) {
  here_->description.inputs = {{"x", DataType::kFp32, {-1, 3}}};
  auto& x = get("/predict/get/test");
  there_->reply(fail(unavailable("down")));
  EXPECT_EQ(x.status, 503);
}

TEST_F(ProxyTest, TestsItsMembersWithTheQuorumAndTheStatusesOfAnyCall) {
  ensemble({.quorum = 2});
  auto& x = get("/predict/get/test");
  there_->reply(fail(unavailable("down")));
  EXPECT_EQ(x.status, 503);
  EXPECT_NE(x.answer.find("1 of 2 members of 'iris' answered, 2 are needed: virginica: down"),
            std::string::npos)
      << x.answer;
  here_->answer = [](const InferRequest&) -> Result<Response> { return fail(timed_out("late")); };
  auto& y = get("/predict/get/test");
  there_->reply(fail(timed_out("late")));
  EXPECT_EQ(y.status, 504);
}

TEST_F(ProxyTest, ReportsTheHealthOfEachMember) {
  auto& x = get("/health/all");
  EXPECT_EQ(there_->pending.at(0)->what, FakeCallable::Waiting::kHealth);
  there_->reply(InferResponse{});
  EXPECT_EQ(x.status, 200);
  EXPECT_EQ(x.answer, R"({"setosa":{"health":"ok"},"virginica":{"health":"ok"}})");
  EXPECT_EQ(here_->starts, 0) << "a model here is only asked whether it is ready";
}

TEST_F(ProxyTest, IsUnhealthyOnlyWhenNoMemberIsUp) {
  constexpr std::string_view kDown =
      R"("virginica":{"health":"down","error":{"code":"unavailable","message":"refused"}}})";
  auto& x = get("/health/all");
  there_->reply(fail(unavailable("refused")));
  EXPECT_EQ(x.status, 200);
  EXPECT_EQ(x.answer, std::string(R"({"setosa":{"health":"ok"},)").append(kDown));
  here_->readiness = fail(unavailable("gone"));
  auto& y = get("/health/all");
  there_->reply(fail(unavailable("refused")));
  EXPECT_EQ(y.status, 503);
}

TEST_F(ProxyTest, ShowsMetadataWithEveryMembersAnswerToTheSample) {
  auto& x = get("/metadata");
  there_->reply(answer(1));
  EXPECT_EQ(x.answer,
            R"json({"data_type":"float32","data_structure":"(1,2)","data_sample":[[0.5,1]],)json"
            R"json("prediction_type":"float32","prediction_structure":"(1,2)",)json"
            R"("prediction_sample":{"setosa":[0.25,0.75],"virginica":[1,0]}})");
}

TEST_F(ProxyTest, LeavesMembersWithoutAnAnswerOutOfItsMetadata) {
  auto& x = get("/metadata");
  there_->reply(fail(unavailable("down")));
  EXPECT_TRUE(x.answer.ends_with(R"("prediction_sample":{"setosa":[0.25,0.75]}})")) << x.answer;
}

TEST_F(ProxyTest, StandsOnEnsemblesOnly) {
  const auto kept = add_proxy(router, mount("/bare", "here"), {.sample = {{0.5, 1}}}).value();
  for (const std::string path : {"/bare/health/all", "/bare/predict/get/test", "/bare/metadata"}) {
    const auto& x = get(path);
    EXPECT_EQ(x.status, 500) << path;
    EXPECT_NE(x.answer.find("'here' is no ensemble"), std::string::npos);
  }
  EXPECT_EQ(post("/bare/predict", std::string(kRow)).status, 500);
}

TEST_F(ProxyTest, LivesOnWhileItsTargetIsAway) {
  configure({});
  EXPECT_EQ(get("/health").status, 200);
  for (const std::string path : {"/health/all", "/predict/get/test", "/metadata"}) {
    EXPECT_EQ(get(path).status, 404) << path;
  }
  for (const std::string path : {"/predict", "/predict/label", "/predict/post/test"}) {
    EXPECT_EQ(post(path, std::string(kRow)).status, 404) << path;
  }
}

TEST_F(ProxyTest, CancelsItsMembersWhenTheClientGoesAway) {
  auto& x = post("/predict", std::string(kRow));
  x.disconnect();
  EXPECT_TRUE(there_->pending.at(0)->cancelled);
  EXPECT_EQ(x.status, 499);
}

// --- while the configuration changes

TEST_F(ProxyTest, AnswersACallUnderWayWithTheMembersThatItBeganWith) {
  for (const std::string path : {"/predict", "/predict/post/test"}) {
    ensemble({});
    auto& x = post(path, std::string(kRow));
    configure({model("here", here_), model("there", there_),
               gateway::EnsembleSpec{"iris", {{"setosa", "here"}, {"newcomer", "here"}}, {}}});
    there_->reply(answer(0.5F));
    EXPECT_EQ(x.answer,
              R"({"setosa":{"prediction":[0.25,0.75]},"virginica":{"prediction":[0.5,0.5]}})");
  }
  ensemble({});
  auto& x = get("/metadata");
  configure({model("here", here_), gateway::EnsembleSpec{"iris", {{"newcomer", "here"}}, {}}});
  there_->reply(answer(1));
  EXPECT_TRUE(x.answer.ends_with(R"({"setosa":[0.25,0.75],"virginica":[1,0]}})")) << x.answer;
}

TEST_F(ProxyTest, AnswersACallUnderWayThoughItsTargetIsGone) {
  const auto ask = [&](const std::string& path) -> http::TestExchange& {
    return path == "/metadata" ? get(path) : post(path, std::string(kRow));
  };
  for (const std::string path : {"/predict", "/predict/label", "/predict/post/test", "/metadata"}) {
    ensemble({.merge = {.rule = gateway::MergeRule::kBestLabel}});
    auto& x = ask(path);
    configure({});
    there_->reply(answer(0.5F));
    EXPECT_EQ(x.status, 200) << path << ": " << x.answer;
    EXPECT_EQ(ask(path).status, 404) << "those that come later";
  }
}

// --- asking the members one by one

TEST_F(ProxyTest, ReportsMembersThatAreSilentAtTheDeadline) {
  there_->reports_within_cancel = false;
  auto& x = serve({.path = "/health/all", .headers = {{"X-Deadline-Ms", "200"}}});
  EXPECT_EQ(x.status, 0);
  x.wait();
  EXPECT_EQ(x.status, 200);
  EXPECT_NE(x.answer.find(R"("virginica":{"health":"down","error":{"code":"timeout")"),
            std::string::npos);
  EXPECT_TRUE(there_->pending.at(0)->cancelled);
  const std::string before = x.answer;
  there_->reply(InferResponse{});
  EXPECT_EQ(x.answer, before) << "what comes later goes nowhere";
}

TEST_F(ProxyTest, AsksMembersWithTheDeadlineAndTheTraceOfTheClient) {
  ensemble({.deadline = std::chrono::seconds(2)});
  const TimePoint before = clock.now();
  auto& x = serve({.path = "/predict/get/test",
                   .headers = {{"traceparent", "00-ab"},
                               {"tracestate", "v=1"},
                               {"tracestate", "w=2"},
                               {"X-Request-Id", "r-1"},
                               {"X-Deadline-Ms", "60000"}}});
  const Call& call = there_->pending.at(0)->call;
  EXPECT_GE(call.deadline.at(), before + std::chrono::seconds(60));
  EXPECT_LE(call.deadline.at(), clock.now() + std::chrono::seconds(60));
  EXPECT_EQ(call.traceparent, "00-ab");
  EXPECT_EQ(call.tracestate, "v=1,w=2");
  EXPECT_EQ(call.request_id, "r-1");
  EXPECT_EQ(call.depth, 1);
  there_->reply(answer(1));
  EXPECT_EQ(x.status, 200);
}

TEST_F(ProxyTest, RefusesAWrongDeadlineAndAsksNobody) {
  for (const std::string path : {"/health/all", "/predict/get/test"}) {
    const auto& x = serve({.path = path, .headers = {{"X-Deadline-Ms", "soon"}}});
    EXPECT_EQ(x.status, 422) << path;
  }
  EXPECT_TRUE(there_->pending.empty());
}

TEST_F(ProxyTest, StopsAskingWhenTheClientGoesAway) {
  auto& x = get("/health/all");
  x.disconnect();
  EXPECT_TRUE(there_->pending.at(0)->cancelled);
  EXPECT_NE(x.status, 0) << "answered all the same";
}

}  // namespace
}  // namespace sluice::horizontal
