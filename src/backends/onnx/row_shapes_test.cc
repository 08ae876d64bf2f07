#include "backends/onnx/row_shapes.h"

#include <gtest/gtest.h>

#include "backends/onnx/test_support.h"

namespace sluice::onnx {
namespace {

Tensor of_shape(const Shape& shape, DataType type = DataType::kFp32) {
  return make_tensor("x", type, shape);
}
TensorInfo declared(const Shape& shape) {
  return {"x", DataType::kFp32, shape};
}
std::optional<std::int64_t> rows(const Shape& info, const Shape& given) {
  const TensorInfo infos[] = {declared(info)};
  const Tensor tensors[] = {of_shape(given)};
  return rows_of_call(infos, tensors);
}

TEST(RowShapes, TheRowsOfACallAreDimensionZeroWhereItIsFree) {
  EXPECT_EQ(rows({-1, 4}, {3, 4}), 3);
  EXPECT_EQ(rows({2, 4}, {2, 4}), 1);
  EXPECT_EQ(rows({}, {}), 1);
  EXPECT_EQ(rows({-1}, {7}), 7);
}

TEST(RowShapes, AnotherFreeDimensionOrNoRowsGiveNone) {
  EXPECT_EQ(rows({-1, -1}, {3, 4}), std::nullopt);
  EXPECT_EQ(rows({4, -1}, {4, 4}), std::nullopt);
  EXPECT_EQ(rows({-1, 4}, {0, 4}), std::nullopt);
}

TEST(RowShapes, InputsThatDisagreeGiveNone) {
  const TensorInfo infos[] = {{"a", DataType::kFp32, {-1, 2}}, {"b", DataType::kFp32, {-1, 2}}};
  Tensor tensors[] = {of_shape({3, 2}), of_shape({4, 2})};
  tensors[0].name = "a";
  tensors[1].name = "b";
  EXPECT_EQ(rows_of_call(infos, tensors), std::nullopt);
  tensors[1].shape = {3, 2};
  EXPECT_EQ(rows_of_call(infos, tensors), 3);
}

TEST(RowShapes, AGuessPutsTheRowsInFrontWhereTheyGrow) {
  EXPECT_EQ(guess_row_shape(of_shape({1, 2}), of_shape({64, 2}), 64), (Shape{-1, 2}));
  EXPECT_EQ(guess_row_shape(of_shape({1}), of_shape({64}), 64), (Shape{-1}));
  EXPECT_EQ(guess_row_shape(of_shape({5}), of_shape({5}), 64), (Shape{5}));
  EXPECT_EQ(guess_row_shape(of_shape({}), of_shape({}), 64), Shape{});
}

TEST(RowShapes, WhatGrowsOtherwiseIsNotGuessed) {
  EXPECT_EQ(guess_row_shape(of_shape({2, 2}), of_shape({128, 2}), 64), std::nullopt);
  EXPECT_EQ(guess_row_shape(of_shape({1, 1}), of_shape({1, 64}), 64), std::nullopt);
  EXPECT_EQ(guess_row_shape(of_shape({1}), of_shape({1, 1}), 64), std::nullopt);
  EXPECT_EQ(guess_row_shape(of_shape({1}, DataType::kBytes), of_shape({64}, DataType::kBytes), 64),
            std::nullopt);
}

TEST(RowShapes, AShapeThatHoldsNothingGetsNoMemory) {
  EXPECT_EQ(with_rows({-1, 3}, 2), (Shape{2, 3}));
  EXPECT_EQ(with_rows({4}, 2), (Shape{4}));
  EXPECT_EQ(with_rows({-1, 0}, 2), std::nullopt);
  EXPECT_EQ(with_rows({-1, std::int64_t{1} << 40}, std::int64_t{1} << 40), std::nullopt);
}

}  // namespace
}  // namespace sluice::onnx
