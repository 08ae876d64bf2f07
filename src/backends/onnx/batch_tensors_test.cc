#include "backends/onnx/batch_tensors.h"

#include <gmock/gmock.h>

#include "backends/onnx/test_support.h"

namespace sluice::onnx {
namespace {

using ::testing::ElementsAre;
using testing::floats;
using ::testing::HasSubstr;

Description two_inputs() {
  Description description;
  description.name = "m";
  description.inputs = {{"x", DataType::kFp32, {-1, -1}}, {"t", DataType::kBytes, {-1}}};
  description.outputs = {{"y", DataType::kFp32, {-1, 2}}};
  return description;
}

InferRequest request(std::int64_t rows, std::int64_t columns, float first, std::string text) {
  InferRequest made;
  Tensor t = make_tensor("t", DataType::kBytes, {rows});
  std::ranges::fill(t.strings, text);
  made.inputs.push_back(std::move(t));
  Tensor x = make_tensor("x", DataType::kFp32, {rows, columns});
  for (float& value : x.as<float>()) value = first++;
  made.inputs.push_back(std::move(x));
  return made;
}

TEST(CanBatch, NeedsAFreeFirstDimensionEverywhere) {
  EXPECT_TRUE(can_batch(two_inputs()));
  Description fixed = two_inputs();
  fixed.outputs[0].shape = {1, 2};
  EXPECT_THAT(can_batch(fixed).error().message, HasSubstr("'y' has shape [1,2]"));
  Description scalar = two_inputs();
  scalar.inputs[1].shape = {};
  EXPECT_FALSE(can_batch(scalar));
  EXPECT_FALSE(can_batch({}));
}

TEST(BatchShape, FitsWhereInnerDimensionsAndOutputsAreTheSame) {
  const Description description = two_inputs();
  const auto a = batch_shape(description, request(1, 3, 0, "a"));
  const auto b = batch_shape(description, request(2, 3, 0, "b"));
  const auto wider = batch_shape(description, request(2, 4, 0, "b"));
  ASSERT_TRUE(a && b && wider);
  EXPECT_EQ(a->rows, 1U);
  EXPECT_EQ(b->rows, 2U);
  EXPECT_EQ(a->key, b->key);
  EXPECT_NE(a->key, wider->key);
  InferRequest some = request(1, 3, 0, "a");
  some.outputs = {"y"};
  EXPECT_NE(batch_shape(description, some)->key, a->key);
}

TEST(BatchShape, IsNoneWithoutRowsOrWithRowsThatDisagree) {
  const Description description = two_inputs();
  EXPECT_FALSE(batch_shape(description, request(0, 3, 0, "")));
  InferRequest odd = request(2, 3, 0, "");
  odd.inputs[0] = make_tensor("t", DataType::kBytes, {1});
  EXPECT_FALSE(batch_shape(description, odd));
}

TEST(JoinRows, PutsTheRowsUnderOneAnotherInTheModelsOrder) {
  const InferRequest a = request(1, 2, 1, "a");
  const InferRequest b = request(2, 2, 10, "b");
  const InferRequest* both[] = {&a, &b};
  const auto joined = join_rows(two_inputs(), both);
  ASSERT_EQ(joined.size(), 2U);
  EXPECT_EQ(joined[0].name, "x");
  EXPECT_EQ(joined[0].shape, (Shape{3, 2}));
  EXPECT_THAT(joined[0].as<float>(), ElementsAre(1, 2, 10, 11, 12, 13));
  EXPECT_EQ(joined[1].shape, Shape{3});
  EXPECT_THAT(joined[1].strings, ElementsAre("a", "b", "b"));
}

TEST(SplitRows, GivesEachItsRowsBack) {
  const std::vector<Tensor> whole = {floats("y", {3, 2}, {1, 2, 3, 4, 5, 6}),
                                     request(3, 1, 0, "t").inputs[0]};
  const std::size_t rows[] = {1, 2};
  const auto split = split_rows(whole, rows);
  ASSERT_TRUE(split);
  ASSERT_EQ(split->size(), 2U);
  EXPECT_THAT((*split)[0][0].as<float>(), ElementsAre(1, 2));
  EXPECT_EQ((*split)[1][0].shape, (Shape{2, 2}));
  EXPECT_THAT((*split)[1][0].as<float>(), ElementsAre(3, 4, 5, 6));
  EXPECT_THAT((*split)[1][1].strings, ElementsAre("t", "t"));
}

TEST(SplitRows, RefusesWhatHasAnotherNumberOfRows) {
  const std::vector<Tensor> whole = {floats("y", {2, 1}, {1, 2})};
  const std::size_t rows[] = {1, 2};
  const auto split = split_rows(whole, rows);
  ASSERT_FALSE(split);
  EXPECT_EQ(split.error().code, ErrorCode::kInternal);
  const std::vector<Tensor> scalar = {floats("y", {}, {1})};
  EXPECT_FALSE(split_rows(scalar, rows));
}

}  // namespace
}  // namespace sluice::onnx
