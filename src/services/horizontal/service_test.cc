#include "services/horizontal/service.h"

#include <gtest/gtest.h>

#include "gateway/testing_mount.h"
#include "inference/testing_callable.h"

namespace sluice::horizontal {
namespace {

using gateway::testing::MountBench;
using sluice::testing::FakeCallable;
using sluice::testing::fp32;
using sluice::testing::response_of;

// Gives for each row its first value and one minus it.
Result<Response> mirror(const InferRequest& request) {
  const Tensor& x = request.inputs.at(0);
  Tensor y = make_tensor("y", DataType::kFp32, {x.shape.rows(), 2});
  for (std::size_t row = 0; row < static_cast<std::size_t>(x.shape.rows()); ++row) {
    const float value = x.as<float>()[row * static_cast<std::size_t>(x.shape[1])];
    y.as<float>()[row * 2] = value;
    y.as<float>()[row * 2 + 1] = 1 - value;
  }
  return response_of(std::move(y));
}

class ServiceTest : public ::testing::Test, protected MountBench {
 protected:
  ServiceTest() {
    fake_->answer = mirror;
    configure({model("m", fake_)});
    kept_ = add_service(router, mount("/m", "m"), {.sample = {{0.25, 1}}}).value();
  }
  std::shared_ptr<FakeCallable> fake_ =
      std::make_shared<FakeCallable>("m", Placement{Placement::Where::kInline, {}});
  std::shared_ptr<const void> kept_;
};

TEST_F(ServiceTest, SaysThatItLives) {
  const auto& x = get("/m/health");
  EXPECT_EQ(x.status, 200);
  EXPECT_EQ(x.content_type, "application/json");
  EXPECT_EQ(x.answer, R"({"health":"ok"})");
}

TEST_F(ServiceTest, PredictsOneRow) {
  const auto& x = post("/m/predict", R"({"data":[[0.75,3]]})");
  EXPECT_EQ(x.status, 200);
  EXPECT_EQ(x.answer, R"({"prediction":[0.75,0.25]})");
  EXPECT_EQ(x.labels.api, "horizontal_service");
  EXPECT_EQ(x.labels.callable, "m");
}

TEST_F(ServiceTest, GivesThePredictionOfEveryRow) {
  EXPECT_EQ(post("/m/predict", R"({"data":[[0.75,3],[1,3]]})").answer,
            R"({"prediction":[0.75,0.25],"predictions":[[0.75,0.25],[1,0]]})");
}

TEST_F(ServiceTest, PredictsItsSample) {
  EXPECT_EQ(get("/m/predict/test").answer, R"({"prediction":[0.25,0.75]})");
}

TEST_F(ServiceTest, ShowsItsMetadataWithTheModelsOwnAnswer) {
  EXPECT_EQ(get("/m/metadata").answer,
            R"json({"data_type":"float32","data_structure":"(1,2)","data_sample":[[0.25,1]],)json"
            R"json("prediction_type":"float32","prediction_structure":"(1,2)",)json"
            R"("prediction_sample":[0.25,0.75]})");
}

TEST_F(ServiceTest, TakesOnlyJson) {
  for (const auto& [type, status] :
       std::vector<std::pair<std::string, int>>{{"application/json", 200},
                                                {"Application/JSON ; charset=utf-8", 200},
                                                {"text/plain", 415},
                                                {"application/jsonx", 415},
                                                {"", 415}}) {
    const auto& x =
        serve({http::Method::kPost, "/m/predict", R"({"data":[[1,2]]})", {{"Content-Type", type}}});
    EXPECT_EQ(x.status, status) << type;
  }
  EXPECT_EQ(post("/m/predict", R"({"data":[[1,2]]})").status, 200) << "or what says nothing";
}

TEST_F(ServiceTest, TakesNoCompressedBodies) {
  const auto coded = [&](std::string coding) {
    return serve({http::Method::kPost,
                  "/m/predict",
                  R"({"data":[[1,2]]})",
                  {{"Content-Encoding", std::move(coding)}}})
        .status;
  };
  EXPECT_EQ(coded("gzip"), 415);
  EXPECT_EQ(coded("identity"), 200);
}

TEST_F(ServiceTest, AnswersWrongBodiesAsProblems) {
  const auto& broken = post("/m/predict", "{");
  EXPECT_EQ(broken.status, 400);
  EXPECT_EQ(broken.content_type, "application/problem+json");
  const auto& wrong = post("/m/predict", R"({"data":[[1,2,3]]})");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(wrong.answer,
            R"({"title":"Unprocessable Content","status":422,)"
            R"("detail":"'data' row 0: expected 2 columns, got 3","code":"invalid"})");
  EXPECT_EQ(fake_->starts, 0);
}

TEST_F(ServiceTest, AnswersTheModelsErrorsWithTheirStatus) {
  for (const auto& [error, status] :
       {std::pair(unavailable("down"), 503), std::pair(timed_out("late"), 504),
        std::pair(invalid("odd"), 422), std::pair(internal("broken"), 500)}) {
    fake_->answer = [&](const InferRequest&) { return fail(error); };
    for (const std::string path : {"/m/predict/test", "/m/metadata"}) {
      const auto& x = get(path);
      EXPECT_EQ(x.status, status) << path;
      EXPECT_EQ(x.error->code, error.code);
    }
    EXPECT_EQ(post("/m/predict", R"({"data":[[1,2]]})").status, status);
  }
}

TEST_F(ServiceTest, NeedsAPredictionInTheAnswer) {
  fake_->answer = [](const InferRequest&) -> Result<Response> { return InferResponse{}; };
  EXPECT_EQ(post("/m/predict", R"({"data":[[1,2]]})").status, 500);
  EXPECT_EQ(get("/m/metadata").status, 500);
}

TEST_F(ServiceTest, SaysWhatIsWrongWithItsSample) {
  fake_->description.inputs = {{"x", DataType::kFp32, {-1, 3}}};
  const auto& x = get("/m/predict/test");
  EXPECT_EQ(x.status, 422);
  EXPECT_NE(x.answer.find("the sample has a row of 2 columns; 3 are expected"), std::string::npos);
}

TEST_F(ServiceTest, LivesOnWhileItsModelIsAway) {
  configure({});
  EXPECT_EQ(get("/m/health").status, 200);
  EXPECT_EQ(get("/m/predict/test").status, 404);
  EXPECT_EQ(get("/m/metadata").status, 404);
  EXPECT_EQ(post("/m/predict", R"({"data":[[1,2]]})").status, 404);
}

TEST_F(ServiceTest, AnswersACallUnderWayAsItBeganThoughItsModelIsReplacedOrGone) {
  fake_->placed.where = Placement::Where::kRemote;
  const std::string whole = [&] {
    auto& x = get("/m/metadata");
    fake_->reply(response_of(fp32("y", {1, 2}, {0, 1})));
    return x.answer;
  }();
  auto other = std::make_shared<FakeCallable>("m");
  other->description.inputs = {{"x", DataType::kInt64, {-1, 2}}};
  for (const auto& specs : {std::vector{model("m", other)}, std::vector<gateway::CallableSpec>{}}) {
    configure({model("m", fake_)});
    auto& x = get("/m/metadata");
    configure(specs);
    fake_->reply(response_of(fp32("y", {1, 2}, {0, 1})));
    EXPECT_EQ(x.status, 200);
    EXPECT_EQ(x.answer, whole);
  }
}

TEST_F(ServiceTest, GivesTheCallItsOwnTimeoutAndTheClientsShorterOne) {
  fake_->placed.where = Placement::Where::kRemote;
  const auto& x =
      serve({http::Method::kPost, "/m/predict", R"({"data":[[1,2]]})", {{"X-Deadline-Ms", "20"}}});
  EXPECT_EQ(fake_->pending.at(0)->call.deadline.at(),
            x.timings.start() + std::chrono::milliseconds(20));
  fake_->reply(response_of(fp32("y", {1, 2}, {0, 1})));
  EXPECT_EQ(x.answer, R"({"prediction":[0,1]})");
  const auto& y = get("/m/predict/test");
  EXPECT_EQ(fake_->pending.at(0)->call.deadline.at(), y.timings.start() + std::chrono::seconds(30));
  fake_->reply(response_of(fp32("y", {1, 2}, {0, 1})));
}

TEST_F(ServiceTest, TakesAnyNumbersForATargetThatDoesNotSayWhatItTakes) {
  fake_->description.inputs = {};
  EXPECT_EQ(post("/m/predict", R"({"data":[[0.5,2,3]]})").answer, R"({"prediction":[0.5,0.5]})");
}

TEST_F(ServiceTest, RefusesAPrefixThatIsTaken) {
  EXPECT_EQ(add_service(router, mount("/m", "m"), {}).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(add_service(router, mount("", "m"), {}));
}

}  // namespace
}  // namespace sluice::horizontal
