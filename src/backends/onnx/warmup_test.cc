#include "backends/onnx/warmup.h"

#include <gmock/gmock.h>

#include "backends/onnx/test_support.h"

namespace sluice::onnx {
namespace {

using std::chrono::microseconds;
using ::testing::ElementsAre;

TEST(MadeUpInputs, FillsFreeDimensionsWithRowsAndOnes) {
  const std::vector<TensorInfo> inputs = {{"a", DataType::kFp32, {-1, 4}},
                                          {"b", DataType::kBytes, {-1, -1}},
                                          {"c", DataType::kInt64, {2, -1}},
                                          {"d", DataType::kFp64, {}}};
  const auto made = made_up_inputs(inputs, 3);
  ASSERT_EQ(made.size(), 4U);
  EXPECT_EQ(made[0].shape, (Shape{3, 4}));
  EXPECT_EQ(made[0].as<float>()[11], 0);
  EXPECT_EQ(made[1].shape, (Shape{3, 1}));
  EXPECT_THAT(made[1].strings, ElementsAre("", "", ""));
  EXPECT_EQ(made[2].shape, (Shape{2, 1}));
  EXPECT_EQ(made[3].shape, Shape{});
}

TEST(FitCost, DrawsALineThroughBothTimes) {
  const RunCost cost = fit_cost(microseconds(12), microseconds(138), 64);
  EXPECT_EQ(cost.fixed, microseconds(10));
  EXPECT_DOUBLE_EQ(cost.each_ns, 2000);
  EXPECT_EQ(cost.of(100), microseconds(210));
}

TEST(FitCost, IsNeverNegative) {
  EXPECT_EQ(fit_cost(microseconds(12), microseconds(9), 64).each_ns, 0);
  EXPECT_EQ(fit_cost(microseconds(1), microseconds(640), 64).fixed.count() >= 0, true);
  EXPECT_EQ(fit_cost(microseconds(5), microseconds(5), 1).of(1), microseconds(5));
}

TEST(RunCost, ALongRowCountsAsManyUnits) {
  const std::vector<TensorInfo> inputs = {{"text", DataType::kInt64, {-1, -1}},
                                          {"mask", DataType::kInt64, {-1, -1}}};
  const RunCost cost{.fixed = {}, .each_ns = 1, .unit_elements = {1, 1}};
  InferRequest request;
  request.inputs.push_back(make_tensor("mask", DataType::kInt64, {1, 1}));
  request.inputs.push_back(make_tensor("text", DataType::kInt64, {2, 512}));
  EXPECT_EQ(cost.units(inputs, request), 1024);
  EXPECT_EQ(cost.units(inputs, {}), 1);
}

class WarmUpOf : public testing::OnnxTest {};

TEST_F(WarmUpOf, AModelOfFixedShapeIsMeasuredAsAWhole) {
  const auto model = load(testing::test_model("fixed"));
  ASSERT_TRUE(model->cost());
  EXPECT_EQ(model->cost()->each_ns, 0);
  EXPECT_THAT(model->cost()->unit_elements, ElementsAre(6));
}

TEST_F(WarmUpOf, ACallFarLargerThanWhatWasMeasuredIsPlacedOnThePool) {
  const auto model = load(testing::test_model("add"));
  ASSERT_TRUE(model->cost());
  InferRequest request;
  request.inputs.push_back(make_tensor("left", DataType::kFp32, {100'000, 3}));
  request.inputs.push_back(make_tensor("right", DataType::kFp32, {1, 3}));
  EXPECT_FALSE(model->cost()->reaches(100'000));
  EXPECT_EQ(model->placement(*make_request(std::move(request))).where, Placement::Where::kPooled);
}

TEST_F(WarmUpOf, AModelThatLoopsIsAlwaysPooled) {
  const auto model = load(testing::test_model("slow"));
  EXPECT_FALSE(model->cost());
  EXPECT_THAT(logged(), ::testing::HasSubstr("it loops"));
}

}  // namespace
}  // namespace sluice::onnx
