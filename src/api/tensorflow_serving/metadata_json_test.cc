#include "api/tensorflow_serving/metadata_json.h"

#include <gtest/gtest.h>

namespace sluice::api::tensorflow_serving {
namespace {

Description iris() {
  return {.name = "iris",
          .version = "1",
          .inputs = {{"input", DataType::kFp32, {-1, 4}}},
          .outputs = {{"output", DataType::kFp32, {-1, 3}}}};
}

TEST(TensorflowServingMetadata, BrieflySaysNameVersionTypesAndShapes) {
  EXPECT_EQ(metadata_json("iris", iris(), MetadataForm::kBrief),
            R"({"model_spec":{"name":"iris","version":"1"},"metadata":{"signature_def":)"
            R"({"serving_default":{"inputs":{"input":{"dtype":"DT_FLOAT",)"
            R"("tensor_shape":{"dim":[{"size":"-1"},{"size":"4"}]}}},)"
            R"("outputs":{"output":{"dtype":"DT_FLOAT",)"
            R"("tensor_shape":{"dim":[{"size":"-1"},{"size":"3"}]}}}}}}})");
}

TEST(TensorflowServingMetadata, InFullHasEveryFieldOfTheProtocol) {
  EXPECT_EQ(
      metadata_json("iris",
                    {.name = "iris", .version = "x", .inputs = {{"a", DataType::kBool, {}}}}),
      R"({"model_spec":{"name":"iris","signature_name":"","version":"0"},"metadata":)"
      R"({"signature_def":{"signature_def":{"serving_default":{"inputs":{"a":{"dtype":"DT_BOOL",)"
      R"("tensor_shape":{"dim":[],"unknown_rank":false},"name":"a"}},"outputs":{},)"
      R"("method_name":"tensorflow/serving/predict","defaults":{}}}}}})");
}

TEST(TensorflowServingMetadata, TellsStatesByTheirNames) {
  EXPECT_EQ(status_json({{1, VersionStatus::State::kLoading, 0, ""},
                         {2, VersionStatus::State::kEnd, 14, "gone"}}),
            R"({"model_version_status":[{"version":"1","state":"LOADING","status":)"
            R"({"error_code":"OK","error_message":""}},{"version":"2","state":"END","status":)"
            R"({"error_code":"UNAVAILABLE","error_message":"gone"}}]})");
}

}  // namespace
}  // namespace sluice::api::tensorflow_serving
