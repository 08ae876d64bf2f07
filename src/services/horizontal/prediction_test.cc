#include "services/horizontal/prediction.h"

#include <gmock/gmock.h>

#include <limits>

#include "inference/testing_callable.h"

namespace sluice::horizontal {
namespace {

using sluice::testing::fp32;
using sluice::testing::response_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Prediction, IsTheOnlyFloatingPointOutputUnlessNamed) {
  InferResponse response = response_of(make_tensor("label", DataType::kInt64, {1}));
  EXPECT_EQ(prediction_of(response, "").error().message,
            "the model gave no output that is a prediction");
  response.outputs.push_back(fp32("proba", {1}, {0.5F}));
  EXPECT_EQ(prediction_of(response, "").value()->name, "proba");
  EXPECT_EQ(prediction_of(response, "label").value()->name, "label");
  response.outputs.push_back(fp32("score", {1}, {0.5F}));
  EXPECT_EQ(
      prediction_of(response, "").error().message,
      "the model has several floating-point outputs; say which is the prediction (output: ..)");
  EXPECT_EQ(prediction_of(response, "score").value()->name, "score");
}

TEST(Prediction, OfAMemberIsFoundUnderItsName) {
  InferResponse response = response_of(fp32("a.y", {1}, {0.5F}));
  response.outputs.push_back(fp32("ab.y", {1}, {0.25F}));
  EXPECT_EQ(prediction_of(response, "", "a").value()->name, "a.y");
  EXPECT_EQ(prediction_of(response, "y", "ab").value()->name, "ab.y");
  EXPECT_FALSE(prediction_of(response, "", "b"));
}

TEST(Prediction, IsNeverText) {
  const InferResponse response = response_of(make_tensor("label", DataType::kBytes, {1}));
  EXPECT_EQ(prediction_of(response, "label").error().message,
            "output 'label' is text; a prediction is numbers");
}

TEST(Prediction, IsWrittenWithItsFirstRowAndAllRowsWhereThereAreSeveral) {
  const auto written = [](const Tensor& tensor) {
    std::string out;
    append_prediction(out, tensor);
    return out;
  };
  EXPECT_EQ(written(fp32("y", {1, 2}, {0.1F, 0.9F})), R"("prediction":[0.1,0.9])");
  EXPECT_EQ(written(fp32("y", {2, 2}, {0.1F, 0.9F, 1, 0})),
            R"("prediction":[0.1,0.9],"predictions":[[0.1,0.9],[1,0]])");
  EXPECT_EQ(written(fp32("y", {2}, {3, 4})), R"("prediction":[3],"predictions":[[3],[4]])");
  EXPECT_EQ(written(fp32("y", {}, {7})), R"("prediction":[7])");
  EXPECT_EQ(written(fp32("y", {0, 2}, {})), R"("prediction":[])");
  EXPECT_EQ(written(fp32("y", {1, 1}, {std::numeric_limits<float>::quiet_NaN()})),
            R"("prediction":[null])");
  Tensor whole = make_tensor("y", DataType::kInt64, {1, 2});
  whole.as<std::int64_t>()[0] = -1;
  whole.as<std::int64_t>()[1] = 2;
  EXPECT_EQ(written(whole), R"("prediction":[-1,2])");
}

Description giving(std::vector<TensorInfo> outputs, std::vector<std::string> members = {}) {
  return {.name = "t", .outputs = std::move(outputs), .members = std::move(members)};
}

TEST(PredictionNames, AreWhatPredictionOfWouldFind) {
  const TensorInfo label{"label", DataType::kInt64, {-1}};
  const TensorInfo proba{"proba", DataType::kFp32, {-1, 2}};
  const TensorInfo score{"score", DataType::kFp64, {-1}};
  EXPECT_THAT(prediction_names(giving({label, proba}), ""), ElementsAre("proba"));
  EXPECT_THAT(prediction_names(giving({label, proba}), "label"), ElementsAre("label"));
  EXPECT_THAT(prediction_names(giving({label, proba, score}), "score"), ElementsAre("score"));
}

TEST(PredictionNames, AreNoneWhereTheDescriptionDoesNotTell) {
  const TensorInfo proba{"proba", DataType::kFp32, {-1, 2}};
  const TensorInfo score{"score", DataType::kFp64, {-1}};
  EXPECT_THAT(prediction_names(giving({}), ""), IsEmpty());
  EXPECT_THAT(prediction_names(giving({proba, score}), ""), IsEmpty());
  EXPECT_THAT(prediction_names(giving({proba}), "other"), IsEmpty());
}

TEST(PredictionNames, OfAnEnsembleAreEveryMembersOrNone) {
  const TensorInfo a{"a.y", DataType::kFp32, {-1, 2}};
  const TensorInfo b{"b.y", DataType::kFp32, {-1, 2}};
  const TensorInfo mean{"mean", DataType::kFp32, {-1, 2}};
  EXPECT_THAT(prediction_names(giving({a, b, mean}, {"a", "b"}), ""), ElementsAre("a.y", "b.y"));
  EXPECT_THAT(prediction_names(giving({a, mean}, {"a", "b"}), ""), IsEmpty());
  EXPECT_THAT(prediction_names(giving({a, b, mean}, {"a", "b"}), "mean"), IsEmpty());
  const TensorInfo a_mean{"a.mean", DataType::kFp32, {-1}};
  EXPECT_THAT(prediction_names(giving({a_mean, mean}, {"a"}), "mean"), IsEmpty());
}

TEST(Prediction, NamesTypesAndStructuresAsNumpyDoes) {
  const std::vector<std::pair<DataType, std::string_view>> names{
      {DataType::kBool, "bool"},     {DataType::kUint8, "uint8"},   {DataType::kUint16, "uint16"},
      {DataType::kUint32, "uint32"}, {DataType::kUint64, "uint64"}, {DataType::kInt8, "int8"},
      {DataType::kInt16, "int16"},   {DataType::kInt32, "int32"},   {DataType::kInt64, "int64"},
      {DataType::kFp16, "float16"},  {DataType::kBf16, "bfloat16"}, {DataType::kFp32, "float32"},
      {DataType::kFp64, "float64"},  {DataType::kBytes, "object"}};
  EXPECT_EQ(names.size(), kDataTypeCount);
  for (const auto& [type, name] : names) EXPECT_EQ(numpy_name(type), name);
  EXPECT_EQ(structure(1, 4), "(1,4)");
  EXPECT_EQ(structure(fp32("y", {2, 3}, {0, 0, 0, 0, 0, 0})), "(2,3)");
}

}  // namespace
}  // namespace sluice::horizontal
