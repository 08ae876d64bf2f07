#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/tensorflow_serving/tensorflow_serving.h"
#include "gateway/testing_mount.h"
#include "inference/testing_callable.h"

namespace sluice::api::tensorflow_serving {
namespace {

using gateway::VersionState;
using ::testing::HasSubstr;

// "m" in versions 1 and 2, of which 2 is inline, and "away", which is not there.
class TensorflowServingRest : public ::testing::Test {
 protected:
  TensorflowServingRest() {
    callable->description.version = "2";
    slow->description.version = "1";
    bench.configure(
        {gateway::ModelSpec{.name = "m",
                            .versions = {{"1", VersionState::kReady, "", slow},
                                         {"2", VersionState::kReady, "", callable}}},
         gateway::ModelSpec{.name = "away",
                            .versions = {{"7", VersionState::kUnavailable, "no file", nullptr}}}});
    kept = add_tensorflow_serving(bench.router, bench.mount("/tf", "")).value();
  }
  http::TestExchange& predict(const std::string& path, std::string body) {
    return bench.post("/tf/v1/models/" + path, std::move(body));
  }

  gateway::testing::MountBench bench;
  std::shared_ptr<sluice::testing::FakeCallable> callable =
      std::make_shared<sluice::testing::FakeCallable>("m",
                                                      Placement{Placement::Where::kInline, {}});
  std::shared_ptr<sluice::testing::FakeCallable> slow =
      std::make_shared<sluice::testing::FakeCallable>("m");
  std::shared_ptr<const void> kept;
};

TEST_F(TensorflowServingRest, PredictsInTheFormThatWasAskedIn) {
  auto& rows = predict("m:predict", R"({"instances": [[1, 2]]})");
  EXPECT_EQ(rows.status, 200);
  EXPECT_EQ(rows.content_type, "application/json");
  EXPECT_EQ(rows.answer, R"({"predictions":[[0.25,0.75]]})");
  EXPECT_EQ(rows.labels.callable, "m");
  EXPECT_EQ(predict("m/versions/2:predict", R"({"inputs": [[1, 2]]})").answer,
            R"({"outputs":[[0.25,0.75]]})");
  EXPECT_EQ(predict("m:predict", R"({"instances": [[NaN, -Infinity]]})").status, 200);
  EXPECT_EQ(callable->starts, 3);
  EXPECT_EQ(slow->starts, 0);
}

TEST_F(TensorflowServingRest, AClientThatGoesAwayCancels) {
  auto& exchange = predict("m/versions/1:predict", R"({"instances": [[1, 2]]})");
  ASSERT_EQ(slow->pending.size(), 1U);
  exchange.disconnect();
  EXPECT_TRUE(slow->pending[0]->cancelled);
  EXPECT_EQ(exchange.status, 499);
}

TEST_F(TensorflowServingRest, RefusesWithTheStatusesOfTensorflowServing) {
  struct Case {
    const char* path;
    const char* body;
    int status;
    const char* message;
  };
  const Case kCases[] = {
      {"m:predict", "", 400, "the body is empty where JSON is expected"},
      {"m:predict", "{\"instances\": [NaN, Nan]}", 400, "not JSON at byte 20"},
      {"m:predict", R"({"instances": [["a"]]})", 400, "instances[0][0] is the string"},
      {"m:predict", R"({"signature_name": "a", "inputs": 1})", 400, "no signature 'a'"},
      {"m/labels/stable:predict", R"({"instances": [[1, 2]]})", 400, "no version label 'stable'"},
      {"m/versions/3:predict", R"({"instances": [[1, 2]]})", 404, "no version '3'"},
      {"m/versions/x:predict", R"({"instances": [[1, 2]]})", 404, "'x' is not the number"},
      {"nobody:predict", R"({"instances": [[1, 2]]})", 404, "no model 'nobody'"},
      {"away:predict", R"({"instances": [[1, 2]]})", 503, "no file"},
  };
  for (const Case& each : kCases) {
    auto& exchange = predict(each.path, each.body);
    EXPECT_EQ(exchange.status, each.status) << each.path;
    EXPECT_THAT(exchange.answer, HasSubstr(each.message));
    EXPECT_THAT(exchange.answer, ::testing::StartsWith("{\"error\":\""));
  }
  auto& coded = bench.serve(
      {http::Method::kPost, "/tf/v1/models/m:predict", "{}", {{"Content-Encoding", "gzip"}}});
  EXPECT_EQ(coded.status, 415);
}

TEST_F(TensorflowServingRest, AnswersThatHaveNoRowsAreRefusedByTheirForm) {
  callable->answer = [](const InferRequest&) -> Result<Response> {
    return sluice::testing::response_of(sluice::testing::fp32("y", {}, {1}));
  };
  EXPECT_EQ(predict("m:predict", R"({"instances": [[1, 2]]})").status, 400);
  EXPECT_EQ(predict("m:predict", R"({"inputs": [[1, 2]]})").answer, R"({"outputs":1.0})");
}

TEST_F(TensorflowServingRest, ErrorsOfARunKeepTheirMeaning) {
  callable->answer = [](const InferRequest&) -> Result<Response> {
    return fail({ErrorCode::kExhausted, "too many", std::chrono::milliseconds(1500)});
  };
  auto& exchange = predict("m:predict", R"({"instances": [[1, 2]]})");
  EXPECT_EQ(exchange.status, 429);
  EXPECT_EQ(exchange.headers.find("Retry-After"), "2");
}

TEST_F(TensorflowServingRest, TellsStatesAndMetadata) {
  EXPECT_THAT(bench.get("/tf/v1/models/m").answer,
              HasSubstr(R"("version":"2","state":"AVAILABLE")"));
  EXPECT_THAT(bench.get("/tf/v1/models/m").answer, HasSubstr(R"("version":"1")"));
  EXPECT_THAT(bench.get("/tf/v1/models/m/versions/1").answer,
              ::testing::Not(HasSubstr(R"("version":"2")")));
  EXPECT_THAT(bench.get("/tf/v1/models/away").answer, HasSubstr(R"("state":"END")"));
  EXPECT_EQ(bench.get("/tf/v1/models/nobody").status, 404);
  EXPECT_EQ(bench.get("/tf/v1/models/m/versions/9").status, 404);
  EXPECT_EQ(bench.get("/tf/v1/models/m/labels/a").status, 400);
  EXPECT_THAT(bench.get("/tf/v1/models/m/metadata").answer,
              HasSubstr(R"("signature_def":{"signature_def":{"serving_default")"));
  EXPECT_THAT(bench.get("/tf/v1/models/m/versions/1/metadata").answer,
              HasSubstr(R"("version":"1")"));
  EXPECT_EQ(bench.get("/tf/v1/models/m/labels/a/metadata").status, 400);
  slow->readiness = fail(unavailable("away"));
  EXPECT_THAT(bench.get("/tf/v1/models/m/versions/1").answer,
              HasSubstr(R"("error_code":"UNAVAILABLE","error_message":"away")"));
}

TEST_F(TensorflowServingRest, ErrorsBelowItsPathsAreToldInItsForm) {
  const http::ErrorForm form = bench.router.error_form("/tf/v1/models/m/nothing");
  auto& exchange = bench.get("/tf/v1/models/m");
  http::TestExchange other(bench.loop, {});
  form(other, 404, not_found("nothing here"), nullptr);
  EXPECT_EQ(other.answer, R"({"error":"nothing here"})");
  EXPECT_EQ(exchange.status, 200);
}

}  // namespace
}  // namespace sluice::api::tensorflow_serving
