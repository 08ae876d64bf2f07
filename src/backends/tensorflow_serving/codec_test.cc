#include "backends/tensorflow_serving/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "inference/testing_callable.h"
#include "rpc/tensorflow_serving.pb.h"
#include "rpc/tensorflow_tensor.h"

namespace sluice::tensorflow_serving {
namespace {

using ::testing::HasSubstr;

TensorflowServingOptions options() {
  TensorflowServingOptions options;
  options.address = "a:1";
  options.model = "iris";
  return options;
}

void add(google::protobuf::Map<std::string, tensorflow::TensorInfo>& to, const std::string& name,
         tensorflow::DataType dtype, const Shape& shape) {
  to[name].set_dtype(dtype);
  rpc::shape_to_proto(shape, *to[name].mutable_tensor_shape());
}

wire::GetModelMetadataResponse metadata(const tensorflow::SignatureDef& signature) {
  wire::SignatureDefMap signatures;
  (*signatures.mutable_signature_def())["serving_default"] = signature;
  (*signatures.mutable_signature_def())["more"];
  wire::GetModelMetadataResponse response;
  response.mutable_model_spec()->mutable_version()->set_value(5);
  (*response.mutable_metadata())["signature_def"].PackFrom(signatures);
  return response;
}

TEST(TensorflowServingCodec, AsksForTheModelByVersionLabelOrNeither) {
  wire::GetModelStatusRequest latest;
  fill_request(latest, options());
  EXPECT_EQ(latest.model_spec().name(), "iris");
  EXPECT_FALSE(latest.model_spec().has_version());
  TensorflowServingOptions with = options();
  with.version = 0;
  wire::GetModelMetadataRequest numbered;
  fill_request(numbered, with);
  EXPECT_TRUE(numbered.model_spec().has_version());
  EXPECT_EQ(numbered.metadata_field(0), "signature_def");
  with = options();
  with.label = "stable";
  with.signature = "s";
  wire::PredictRequest labelled;
  InferRequest infer{.inputs = {sluice::testing::fp32("x", {1}, {2})}, .outputs = {"y"}};
  fill_request(labelled, with, infer);
  EXPECT_EQ(labelled.model_spec().version_label(), "stable");
  EXPECT_EQ(labelled.model_spec().signature_name(), "s");
  EXPECT_EQ(labelled.inputs().at("x").dtype(), tensorflow::DT_FLOAT);
  EXPECT_EQ(labelled.output_filter(0), "y");
}

TEST(TensorflowServingCodec, ReadsADescriptionOutOfTheSignature) {
  tensorflow::SignatureDef signature;
  add(*signature.mutable_inputs(), "b", tensorflow::DT_STRING, {-1});
  add(*signature.mutable_inputs(), "a", tensorflow::DT_FLOAT, {-1, 4});
  add(*signature.mutable_outputs(), "y", tensorflow::DT_HALF, {-1, 3});
  const auto description = read_metadata(metadata(signature), options(), "mine");
  ASSERT_TRUE(description.has_value()) << description.error().message;
  EXPECT_EQ(description->name, "mine");
  EXPECT_EQ(description->version, "5");
  EXPECT_EQ(description->platform, "tensorflow_serving");
  ASSERT_EQ(description->inputs.size(), 2U);
  EXPECT_EQ(description->inputs[0].name, "a");
  EXPECT_EQ(description->inputs[0].shape, (Shape{-1, 4}));
  EXPECT_EQ(description->inputs[1].type, DataType::kBytes);
  EXPECT_EQ(description->outputs[0].type, DataType::kFp16);
}

TEST(TensorflowServingCodec, RefusesASignatureThatCannotBeServed) {
  const auto refusal = [](const tensorflow::SignatureDef& signature,
                          const std::string& name = "serving_default") {
    TensorflowServingOptions with = options();
    with.signature = name;
    const auto description = read_metadata(metadata(signature), with, "mine");
    return description ? "" : description.error().message;
  };
  EXPECT_EQ(refusal({}, "other"),
            "there is no signature 'other'; there are: more, serving_default");
  tensorflow::SignatureDef signature;
  add(*signature.mutable_inputs(), "c", tensorflow::DT_COMPLEX64, {1});
  EXPECT_THAT(refusal(signature), HasSubstr("input 'c' is a DT_COMPLEX64, which Sluice has no"));
  signature.clear_inputs();
  add(*signature.mutable_outputs(), "y", tensorflow::DT_FLOAT, {});
  (*signature.mutable_outputs())["y"].mutable_tensor_shape()->set_unknown_rank(true);
  EXPECT_THAT(refusal(signature), HasSubstr("output 'y': the shape has no known rank"));
  EXPECT_THAT(read_metadata({}, options(), "m").error().message, HasSubstr("has no signature_def"));
}

TEST(TensorflowServingCodec, TakesTheHighestVersionThatIsAvailable) {
  using State = wire::ModelVersionStatus;
  wire::GetModelStatusResponse response;
  EXPECT_EQ(read_status(response, options()).error(), unavailable("no version is available"));
  const auto version = [&](std::int64_t number, State::State state) -> wire::ModelVersionStatus& {
    auto& status = *response.add_model_version_status();
    status.set_version(number);
    status.set_state(state);
    return status;
  };
  version(3, State::LOADING);
  version(2, State::END).mutable_status()->set_error_message("broken");
  EXPECT_EQ(read_status(response, options()).error(),
            unavailable("version 3 is LOADING, version 2 is END (broken)"));
  version(1, State::AVAILABLE);
  version(0, State::AVAILABLE);
  EXPECT_EQ(read_status(response, options()), 1);
  TensorflowServingOptions with = options();
  with.version = 0;
  EXPECT_EQ(read_status(response, with), 0);
  with.version = 3;
  EXPECT_EQ(read_status(response, with).error().code, ErrorCode::kUnavailable);
}

TEST(TensorflowServingCodec, ReadsWantedOutputsInOrder) {
  const Description description{
      .name = "mine",
      .version = "5",
      .outputs = {{"a", DataType::kFp32, {-1}}, {"b", DataType::kFp32, {-1}}}};
  wire::PredictResponse answer;
  rpc::tensor_to_proto(sluice::testing::fp32("b", {1}, {1}), (*answer.mutable_outputs())["b"]);
  rpc::tensor_to_proto(sluice::testing::fp32("a", {2}, {2, 3}), (*answer.mutable_outputs())["a"]);
  rpc::tensor_to_proto(sluice::testing::fp32("c", {1}, {1}), (*answer.mutable_outputs())["c"]);
  answer.mutable_model_spec()->mutable_version()->set_value(6);
  const auto all = read_prediction(answer, description, {});
  ASSERT_TRUE(all.has_value()) << all.error().message;
  ASSERT_EQ(all->outputs.size(), 2U);
  EXPECT_EQ(all->outputs[0].name, "a");
  EXPECT_EQ(all->version, "6");
  EXPECT_EQ(read_prediction(answer, description, {.outputs = {"b"}})->outputs.size(), 1U);

  const auto refused = [&] {
    const auto result = read_prediction(answer, description, {});
    EXPECT_EQ(result.error().code, ErrorCode::kInternal);
    return result.error().message;
  };
  (*answer.mutable_outputs())["a"].mutable_tensor_shape()->add_dim()->set_size(1);
  EXPECT_THAT(refused(), HasSubstr("output 'a' is DT_FLOAT [2,1], not DT_FLOAT [-1]"));
  (*answer.mutable_outputs())["a"].set_tensor_content("abc");
  EXPECT_THAT(refused(), HasSubstr("the answer is no prediction: tensor 'a'"));
  answer.mutable_outputs()->erase("a");
  EXPECT_THAT(refused(), HasSubstr("output 'a' is missing"));
}

TEST(TensorflowServingCodec, MakesUpARowOfZeros) {
  const auto request =
      made_up_request({.inputs = {{"a", DataType::kFp32, {-1, 2}}, {"b", DataType::kBytes, {-1}}}});
  EXPECT_EQ(request.inputs[0].shape, (Shape{1, 2}));
  EXPECT_EQ(request.inputs[0].as<float>()[1], 0);
  EXPECT_EQ(request.inputs[1].strings, std::vector<std::string>{""});
}

}  // namespace
}  // namespace sluice::tensorflow_serving
