#include "inference/tensor.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

namespace sluice {
namespace {

TEST(DataType, NamesAreThoseOfTheProtocolAndReadBack) {
  for (std::size_t i = 0; i < kDataTypeCount; ++i) {
    const auto type = static_cast<DataType>(i);
    EXPECT_EQ(parse_data_type(to_string(type)), type);
  }
  EXPECT_EQ(parse_data_type("FP8"), std::nullopt);
  EXPECT_EQ(to_string(DataType::kFp32), "FP32");
}

TEST(Shape, CountsElementsAndRefusesWhatCannotBeCounted) {
  EXPECT_EQ(Shape({2, 3}).elements(), 6);
  EXPECT_EQ(Shape().elements(), 1);
  EXPECT_EQ(Shape({0, 4}).elements(), 0);
  EXPECT_EQ(Shape({-1, 4}).elements(), std::nullopt);
  EXPECT_EQ(Shape({std::int64_t{1} << 40, std::int64_t{1} << 40}).elements(), std::nullopt);
}

TEST(Shape, MatchesAPatternWhereAnyDimensionIsOpen) {
  EXPECT_TRUE(Shape({7, 4}).matches({-1, 4}));
  EXPECT_FALSE(Shape({7, 5}).matches({-1, 4}));
  EXPECT_FALSE(Shape({4}).matches({-1, 4}));
  EXPECT_EQ(to_string(Shape({-1, 4})), "[-1,4]");
}

TEST(Buffer, ACopySharesTheBytesUntilOneIsWrittenTo) {
  Tensor tensor = make_tensor("t", DataType::kInt64, {2});
  tensor.as<std::int64_t>()[0] = 7;
  Tensor copy = tensor;
  const Tensor& seen = copy;
  EXPECT_EQ(seen.data.data(), std::as_const(tensor).data.data());
  copy.as<std::int64_t>()[0] = 8;
  EXPECT_EQ(seen.as<std::int64_t>()[0], 8);
  EXPECT_EQ(std::as_const(tensor).as<std::int64_t>()[0], 7);
}

TEST(Buffer, AlignsItsBytesForEveryElementType) {
  for (std::size_t size = 1; size < 100; ++size) {
    const Buffer buffer(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 16, 0U);
  }
}

TEST(Tensor, ReadsEveryNumericTypeAsADouble) {
  for (std::size_t i = 0; i < kDataTypeCount; ++i) {
    const auto type = static_cast<DataType>(i);
    Tensor tensor = make_tensor("t", type, {2});
    if (type == DataType::kBytes) {
      EXPECT_EQ(element_as_double(tensor, 0), std::nullopt);
      continue;
    }
    std::ranges::fill(tensor.data.bytes(), std::byte{0});
    EXPECT_EQ(element_as_double(tensor, 1), 0.0) << to_string(type);
  }
  Tensor floats = make_tensor("f", DataType::kFp32, {1});
  floats.as<float>()[0] = 1.5F;
  EXPECT_EQ(element_as_double(floats, 0), 1.5);
}

TEST(Half, EveryFiniteHalfSurvivesTheWayThroughFloatAndBack) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = half_to_float(half);
    if (std::isnan(value)) continue;
    ASSERT_EQ(float_to_half(value), half) << bits;
  }
  EXPECT_EQ(half_to_float(0x3C00), 1.0F);
  EXPECT_TRUE(std::isinf(half_to_float(float_to_half(1e9F))));
  EXPECT_TRUE(std::isnan(half_to_float(float_to_half(NAN))));
  EXPECT_EQ(float_to_half(1.0F + 0x1.0p-11F), 0x3C00);               // a tie goes to even
  EXPECT_EQ(float_to_half(1.0F + 0x1.0p-11F + 0x1.0p-20F), 0x3C01);  // more than half goes up
}

TEST(Bfloat, RoundsToNearestEven) {
  EXPECT_EQ(bfloat_to_float(float_to_bfloat(1.5F)), 1.5F);
  EXPECT_EQ(float_to_bfloat(std::bit_cast<float>(0x3F808000U)), 0x3F80);
  EXPECT_EQ(float_to_bfloat(std::bit_cast<float>(0x3F818000U)), 0x3F82);
  EXPECT_TRUE(std::isnan(bfloat_to_float(float_to_bfloat(NAN))));
}

}  // namespace
}  // namespace sluice
