#include "api/tensorflow_serving/rpc_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "inference/testing_callable.h"
#include "rpc/tensorflow_serving.pb.h"

namespace sluice::api::tensorflow_serving {
namespace {

using ::testing::HasSubstr;

TEST(TensorflowServingRpcCodec, ReadsWhichVersionIsMeant) {
  wire::ModelSpec spec;
  spec.set_name("iris");
  EXPECT_EQ(choice_of(spec).model, "iris");
  EXPECT_EQ(choice_of(spec).version, std::nullopt);
  spec.mutable_version()->set_value(0);
  EXPECT_EQ(choice_of(spec).version, 0);
  spec.set_version_label("stable");
  EXPECT_EQ(choice_of(spec).version, std::nullopt);
  EXPECT_EQ(choice_of(spec).label, "stable");
}

TEST(TensorflowServingRpcCodec, ReadsInputsAndFilter) {
  wire::PredictRequest request;
  auto& input = (*request.mutable_inputs())["x"];
  input.set_dtype(tensorflow::DT_FLOAT);
  input.mutable_tensor_shape()->add_dim()->set_size(2);
  input.add_float_val(1);
  request.add_output_filter("y");
  const auto infer = decode_predict(request);
  ASSERT_TRUE(infer.has_value());
  ASSERT_EQ(infer->inputs.size(), 1U);
  EXPECT_EQ(infer->inputs[0].name, "x");
  EXPECT_EQ(infer->inputs[0].as<float>()[1], 1);
  EXPECT_EQ(infer->outputs, std::vector<std::string>{"y"});

  request.add_output_filter("y");
  EXPECT_THAT(decode_predict(request).error().message, HasSubstr("in output_filter twice"));
  request.clear_output_filter();
  request.add_output_filter(std::string(kMaxNameBytes + 1, 'y'));
  EXPECT_THAT(decode_predict(request).error().message, HasSubstr("longer than 256 bytes"));
  request.clear_output_filter();
  for (std::size_t i = 0; i <= kMaxTensors; ++i) request.add_output_filter(std::to_string(i));
  EXPECT_THAT(decode_predict(request).error().message, HasSubstr("more than 1024"));
  request.clear_output_filter();
  input.add_float_val(2);
  input.add_float_val(3);
  EXPECT_EQ(decode_predict(request).error().code, ErrorCode::kInvalid);
}

TEST(TensorflowServingRpcCodec, WritesAnswersWithWhatWasUnderstood) {
  wire::PredictResponse response;
  encode_predict(response, "iris", "3",
                 sluice::testing::response_of(sluice::testing::fp32("y", {1, 2}, {1, 2})));
  EXPECT_EQ(response.model_spec().name(), "iris");
  EXPECT_EQ(response.model_spec().version().value(), 3);
  EXPECT_EQ(response.model_spec().signature_name(), "serving_default");
  EXPECT_EQ(response.outputs().at("y").dtype(), tensorflow::DT_FLOAT);
  EXPECT_EQ(response.outputs().at("y").tensor_content().size(), 8U);
}

TEST(TensorflowServingRpcCodec, DescribesACallableAsASignature) {
  wire::GetModelMetadataResponse response;
  encode_metadata(response, "m",
                  {.name = "m",
                   .version = "2",
                   .inputs = {{"x", DataType::kFp32, {-1, 4}}},
                   .outputs = {{"y", DataType::kBytes, {-1}}}});
  EXPECT_EQ(response.model_spec().version().value(), 2);
  wire::SignatureDefMap signatures;
  ASSERT_TRUE(response.metadata().at("signature_def").UnpackTo(&signatures));
  EXPECT_EQ(response.metadata().at("signature_def").type_url(),
            "type.googleapis.com/tensorflow.serving.SignatureDefMap");
  const auto& signature = signatures.signature_def().at("serving_default");
  EXPECT_EQ(signature.method_name(), "tensorflow/serving/predict");
  EXPECT_EQ(signature.inputs().at("x").tensor_shape().dim(0).size(), -1);
  EXPECT_EQ(signature.outputs().at("y").dtype(), tensorflow::DT_STRING);
}

TEST(TensorflowServingRpcCodec, TheSignatureIsAllTheMetadataThereIs) {
  wire::GetModelMetadataRequest request;
  EXPECT_THAT(check_metadata_fields(request).error().message, HasSubstr("metadata_field is empty"));
  request.add_metadata_field("signature_def");
  EXPECT_TRUE(check_metadata_fields(request).has_value());
  request.add_metadata_field("assets");
  EXPECT_THAT(check_metadata_fields(request).error().message, HasSubstr("no metadata 'assets'"));
}

TEST(TensorflowServingRpcCodec, WritesStates) {
  wire::GetModelStatusResponse response;
  encode_status(response, {{1, VersionStatus::State::kEnd, 14, "gone"},
                           {2, VersionStatus::State::kAvailable, 0, ""}});
  EXPECT_EQ(response.model_version_status(0).state(), wire::ModelVersionStatus::END);
  EXPECT_EQ(response.model_version_status(0).status().error_code(), 14);
  EXPECT_EQ(response.model_version_status(0).status().error_message(), "gone");
  EXPECT_EQ(response.model_version_status(1).version(), 2);
  EXPECT_EQ(response.model_version_status(1).state(), wire::ModelVersionStatus::AVAILABLE);
}

}  // namespace
}  // namespace sluice::api::tensorflow_serving
