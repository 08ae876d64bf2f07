#include "rpc/tensorflow_tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "rpc/tensorflow.pb.h"

namespace sluice::rpc {
namespace {

using tensorflow::TensorProto;
using ::testing::HasSubstr;

TensorProto proto(tensorflow::DataType dtype, std::initializer_list<std::int64_t> dims) {
  TensorProto made;
  made.set_dtype(dtype);
  for (const std::int64_t dim : dims) made.mutable_tensor_shape()->add_dim()->set_size(dim);
  return made;
}

template <class T>
std::vector<T> values(const TensorProto& from) {
  const auto tensor = tensor_from_proto("x", from);
  if (!tensor) throw std::runtime_error(tensor.error().message);
  const auto span = tensor->as<T>();
  return {span.begin(), span.end()};
}

std::string refusal(const TensorProto& from) {
  const auto tensor = tensor_from_proto("x", from);
  if (tensor) return "";
  EXPECT_EQ(tensor.error().code, ErrorCode::kInvalid);
  return tensor.error().message;
}

TEST(TensorflowTensor, EveryTypeHasItsNumberAndName) {
  const std::pair<DataType, int> kNumbers[] = {
      {DataType::kFp32, 1},    {DataType::kFp64, 2},    {DataType::kInt32, 3},
      {DataType::kUint8, 4},   {DataType::kInt16, 5},   {DataType::kInt8, 6},
      {DataType::kBytes, 7},   {DataType::kInt64, 9},   {DataType::kBool, 10},
      {DataType::kBf16, 14},   {DataType::kUint16, 17}, {DataType::kFp16, 19},
      {DataType::kUint32, 22}, {DataType::kUint64, 23}};
  EXPECT_EQ(std::size(kNumbers), kDataTypeCount);
  for (const auto& [type, number] : kNumbers) {
    EXPECT_EQ(to_tensorflow(type), number);
    EXPECT_EQ(from_tensorflow(number), type);
    EXPECT_EQ(tensorflow_name(type), tensorflow_name(number));
  }
  EXPECT_EQ(tensorflow_name(DataType::kFp16), "DT_HALF");
  EXPECT_EQ(from_tensorflow(8), std::nullopt);
  EXPECT_EQ(tensorflow_name(8), "DT_COMPLEX64");
  EXPECT_EQ(tensorflow_name(77), "DataType 77");
}

TEST(TensorflowTensor, WhatIsWrittenReadsBackTheSame) {
  for (std::size_t i = 0; i < kDataTypeCount; ++i) {
    const auto type = static_cast<DataType>(i);
    Tensor tensor = make_tensor("x", type, {2, 3});
    std::uint8_t next = 0;
    for (std::byte& byte : tensor.data.bytes()) byte = static_cast<std::byte>(next++ % 2);
    if (type == DataType::kBytes) tensor.strings = {"", "a", std::string("\0\xFF", 2), "b", "", ""};
    TensorProto made;
    tensor_to_proto(tensor, made);
    const auto back = tensor_from_proto("x", made);
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(back->type, type);
    EXPECT_EQ(back->shape, tensor.shape);
    EXPECT_EQ(back->strings, tensor.strings);
    EXPECT_TRUE(
        std::ranges::equal(std::as_const(*back).data.bytes(), std::as_const(tensor).data.bytes()));
  }
}

TEST(TensorflowTensor, ReadsTheListOfEachType) {
  using namespace tensorflow;
  auto p = proto(DT_FLOAT, {2});
  p.add_float_val(1.5F);
  p.add_float_val(-2);
  EXPECT_EQ(values<float>(p), (std::vector<float>{1.5F, -2}));
  p = proto(DT_DOUBLE, {1});
  p.add_double_val(0.1);
  EXPECT_EQ(values<double>(p), std::vector<double>{0.1});
  p = proto(DT_INT8, {2});
  p.add_int_val(-128);
  p.add_int_val(127);
  EXPECT_EQ(values<std::int8_t>(p), (std::vector<std::int8_t>{-128, 127}));
  p.set_dtype(DT_INT16);
  EXPECT_EQ(values<std::int16_t>(p), (std::vector<std::int16_t>{-128, 127}));
  p.set_dtype(DT_INT32);
  EXPECT_EQ(values<std::int32_t>(p), (std::vector<std::int32_t>{-128, 127}));
  p.set_dtype(DT_UINT8);
  EXPECT_THAT(refusal(p), HasSubstr("element 0 is -128, which does not fit DT_UINT8"));
  p = proto(DT_UINT16, {1});
  p.add_int_val(65535);
  EXPECT_EQ(values<std::uint16_t>(p), std::vector<std::uint16_t>{65535});
  p.set_int_val(0, 65536);
  EXPECT_THAT(refusal(p), HasSubstr("which does not fit DT_UINT16"));
  p = proto(DT_INT64, {1});
  p.add_int64_val(std::int64_t{-1} << 62);
  EXPECT_EQ(values<std::int64_t>(p), std::vector<std::int64_t>{std::int64_t{-1} << 62});
  p = proto(DT_UINT32, {1});
  p.add_uint32_val(4'000'000'000);
  EXPECT_EQ(values<std::uint32_t>(p), std::vector<std::uint32_t>{4'000'000'000});
  p = proto(DT_UINT64, {1});
  p.add_uint64_val(~std::uint64_t{0});
  EXPECT_EQ(values<std::uint64_t>(p), std::vector<std::uint64_t>{~std::uint64_t{0}});
  p = proto(DT_BOOL, {2});
  p.add_bool_val(true);
  p.add_bool_val(false);
  EXPECT_EQ(values<std::uint8_t>(p), (std::vector<std::uint8_t>{1, 0}));
  for (const auto dtype : {DT_HALF, DT_BFLOAT16}) {
    p = proto(dtype, {1});
    p.add_half_val(0x3C00);
    EXPECT_EQ(values<std::uint16_t>(p), std::vector<std::uint16_t>{0x3C00});
    p.set_half_val(0, 0x10000);
    EXPECT_THAT(refusal(p), HasSubstr("does not fit"));
  }
  p = proto(DT_STRING, {2});
  p.add_string_val("a");
  p.add_string_val(std::string("\0b", 2));
  EXPECT_EQ(tensor_from_proto("x", p)->strings,
            (std::vector<std::string>{"a", std::string("\0b", 2)}));
}

TEST(TensorflowTensor, TheLastValueStandsForAllThatAreMissingAndNoneForZeros) {
  using namespace tensorflow;
  auto p = proto(DT_FLOAT, {2, 2});
  EXPECT_EQ(values<float>(p), (std::vector<float>{0, 0, 0, 0}));
  p.add_float_val(3);
  EXPECT_EQ(values<float>(p), (std::vector<float>{3, 3, 3, 3}));
  p.add_float_val(4);
  EXPECT_EQ(values<float>(p), (std::vector<float>{3, 4, 4, 4}));
  auto s = proto(DT_STRING, {3});
  EXPECT_EQ(tensor_from_proto("x", s)->strings, std::vector<std::string>(3));
  s.add_string_val("a");
  EXPECT_EQ(tensor_from_proto("x", s)->strings, std::vector<std::string>(3, "a"));
  const auto scalar = tensor_from_proto("x", proto(DT_INT32, {}));
  EXPECT_EQ(scalar->shape.rank(), 0U);
  EXPECT_EQ(scalar->as<std::int32_t>()[0], 0);
}

TEST(TensorflowTensor, AShapeThatIsFilledByRepetitionIsBounded) {
  using namespace tensorflow;
  auto p = proto(DT_DOUBLE, {1'000'000, 1'000'000});
  p.add_double_val(1);
  EXPECT_THAT(refusal(p), HasSubstr("at most 67108864 bytes are filled by repetition"));
  p = proto(DT_STRING, {1000});
  p.add_string_val(std::string(1'000'000, 'a'));
  EXPECT_THAT(refusal(p), HasSubstr("filled by repetition"));
  p = proto(DT_BOOL, {std::int64_t{1} << 40, std::int64_t{1} << 40});
  EXPECT_THAT(refusal(p), HasSubstr("cannot be one of values"));
}

TEST(TensorflowTensor, ReadsStringsOutOfTheContent) {
  auto p = proto(tensorflow::DT_STRING, {3});
  std::string content("\x01\x00\xC8\x01", 4);
  content += "a" + std::string(200, 'b');
  p.set_tensor_content(content);
  EXPECT_EQ(tensor_from_proto("x", p)->strings,
            (std::vector<std::string>{"a", "", std::string(200, 'b')}));
  p.set_tensor_content(content + "c");
  EXPECT_THAT(refusal(p), HasSubstr("1 bytes are left over"));
  content.pop_back();
  p.set_tensor_content(content);
  EXPECT_THAT(refusal(p), HasSubstr("string 2 is said to have 200 bytes, 199 are left"));
  p.set_tensor_content("\xFF\xFF\xFF");
  EXPECT_THAT(refusal(p), HasSubstr("the length of string 0 is cut off or none"));
  p.set_tensor_content("\x01");
  EXPECT_THAT(refusal(p), HasSubstr("cannot hold the 3 strings"));
}

TEST(TensorflowTensor, RefusesWhatIsNoTensorAndSaysWhy) {
  using namespace tensorflow;
  EXPECT_THAT(refusal(proto(DT_COMPLEX64, {1})), HasSubstr("'x': DT_COMPLEX64 is not supported"));
  EXPECT_THAT(refusal(proto(DT_INVALID, {1})), HasSubstr("DT_INVALID is not supported"));
  EXPECT_THAT(refusal(proto(DT_FLOAT, {-1})), HasSubstr("a shape of [-1] cannot be one of values"));
  EXPECT_THAT(refusal(proto(DT_FLOAT, {-2})), HasSubstr("a dimension of -2"));
  EXPECT_THAT(refusal(proto(DT_FLOAT, {1, 1, 1, 1, 1, 1, 1, 1, 1})), HasSubstr("9 dimensions"));
  auto p = proto(DT_FLOAT, {1});
  p.mutable_tensor_shape()->set_unknown_rank(true);
  EXPECT_THAT(refusal(p), HasSubstr("no known rank"));
  p = proto(DT_FLOAT, {1});
  p.add_float_val(1);
  p.add_float_val(2);
  EXPECT_THAT(refusal(p), HasSubstr("has 1 elements, got 2 values"));
  p = proto(DT_FLOAT, {1});
  p.add_double_val(1);
  EXPECT_THAT(refusal(p), HasSubstr("lie in another type's list than that of DT_FLOAT"));
  p.set_tensor_content("abcd");
  EXPECT_THAT(refusal(p), HasSubstr("both tensor_content and a list"));
  p = proto(DT_FLOAT, {2});
  p.set_tensor_content("abcd");
  EXPECT_THAT(refusal(p), HasSubstr("needs 2 elements of 4 bytes, tensor_content has 4 bytes"));
  p = proto(DT_BOOL, {1});
  p.set_tensor_content("\x02");
  EXPECT_THAT(refusal(p), HasSubstr("has a byte 2, a DT_BOOL is 0 or 1"));
}

TEST(TensorflowTensor, DescriptionsMayLeaveDimensionsOpen) {
  tensorflow::TensorShapeProto shape;
  shape_to_proto({-1, 4}, shape);
  EXPECT_EQ(shape.dim(0).size(), -1);
  EXPECT_EQ(*shape_from_proto(shape), (Shape{-1, 4}));
}

}  // namespace
}  // namespace sluice::rpc
