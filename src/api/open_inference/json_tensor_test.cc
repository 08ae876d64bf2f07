#include "api/open_inference/json_tensor.h"

#include <gtest/gtest.h>

#include <cmath>

#include "http/json/reader.h"

namespace sluice::api::open_inference {
namespace {

Result<Tensor> read(DataType type, const Shape& shape, std::string_view text) {
  json::Reader reader;
  const auto data = reader.parse_copy(text);
  if (!data) return fail(data.error());
  constexpr std::size_t kAround = 50;  // of a request that is around it
  return tensor_from_json("x", type, shape, *data, text.size() + kAround);
}
std::string message(DataType type, const Shape& shape, std::string_view text) {
  const Result<Tensor> tensor = read(type, shape, text);
  return tensor ? "no error" : tensor.error().message;
}
std::string written(const Tensor& tensor) {
  std::string out;
  const Result<> result = append_json(out, tensor);
  return result ? out : result.error().message;
}

TEST(JsonTensor, EveryTypeSurvivesTheWayThereAndBack) {
  struct Case {
    DataType type;
    std::string_view text;
  };
  const Case cases[] = {
      {DataType::kBool, "[true,false,true]"},
      {DataType::kUint8, "[0,7,255]"},
      {DataType::kUint16, "[0,7,65535]"},
      {DataType::kUint32, "[0,7,4294967295]"},
      {DataType::kUint64, "[0,9007199254740993,18446744073709551615]"},
      {DataType::kInt8, "[-128,0,127]"},
      {DataType::kInt16, "[-32768,0,32767]"},
      {DataType::kInt32, "[-2147483648,0,2147483647]"},
      {DataType::kInt64, "[-9223372036854775808,9007199254740993,9223372036854775807]"},
      {DataType::kFp16, "[-0.5,1,65504]"},
      {DataType::kBf16, "[-0.5,1,3.125]"},
      {DataType::kFp32, "[0.1,-3.4028235e+38,1e-45]"},
      {DataType::kFp64, "[0.1,-1.7976931348623157e+308,5e-324]"},
      {DataType::kBytes, R"(["","a\"b","grün"])"},
  };
  for (const Case& c : cases) {
    const Result<Tensor> tensor = read(c.type, {3}, c.text);
    ASSERT_TRUE(tensor.has_value()) << to_string(c.type) << ": " << tensor.error().message;
    EXPECT_EQ(tensor->type, c.type);
    EXPECT_EQ(written(*tensor), c.text);
  }
}

TEST(JsonTensor, TakesTheDataNestedOrFlat) {
  for (const std::string_view text : {"[[1,2,3],[4,5,6]]", "[1,2,3,4,5,6]"}) {
    const Result<Tensor> tensor = read(DataType::kFp32, {2, 3}, text);
    ASSERT_TRUE(tensor.has_value()) << tensor.error().message;
    EXPECT_EQ(tensor->shape, Shape({2, 3}));
    EXPECT_EQ(written(*tensor), "[1,2,3,4,5,6]");
  }
  EXPECT_TRUE(read(DataType::kInt32, {2, 1, 1}, "[[[1]],[[2]]]").has_value());
  EXPECT_TRUE(read(DataType::kInt32, {0, 4}, "[]").has_value());
  EXPECT_TRUE(read(DataType::kInt32, {2, 0}, "[[],[]]").has_value());
  EXPECT_TRUE(read(DataType::kInt32, {}, "[5]").has_value());
}

TEST(JsonTensor, RoundsTheHalfTypesToTheNearest) {
  EXPECT_EQ(read(DataType::kFp16, {1}, "[0.1]")->as<std::uint16_t>()[0], 0x2E66);
  EXPECT_EQ(read(DataType::kBf16, {1}, "[0.1]")->as<std::uint16_t>()[0], 0x3DCD);
}

TEST(JsonTensor, NumbersThatJsonDoesNotHaveBecomeNull) {
  Tensor tensor = make_tensor("x", DataType::kFp32, {3});
  tensor.as<float>()[0] = NAN;
  tensor.as<float>()[1] = INFINITY;
  tensor.as<float>()[2] = 1;
  EXPECT_EQ(written(tensor), "[null,null,1]");
}

TEST(JsonTensor, BytesThatAreNotUtf8AreLeftToTheBinaryForm) {
  Tensor tensor = make_tensor("x", DataType::kBytes, {2});
  tensor.strings[1] = "\xFF";
  EXPECT_EQ(written(tensor),
            "output 'x': element 1 is not UTF-8 and cannot be written as JSON; ask for it with the "
            "parameter binary_data");
}

TEST(JsonTensor, SaysWhereTheDataIsWrongWhatWasExpectedAndWhatCame) {
  using enum DataType;
  struct Case {
    DataType type;
    Shape shape;
    std::string_view text;
    std::string_view message;
  };
  const Case cases[] = {
      {kFp32, {2, 3}, "[[1,2,3],[4,\"5\",6]]", "data[1][1] is the string \"5\", expected FP32"},
      {kFp32, {2, 3}, "[1,2,3,4,null,6]", "data[4] is null, expected FP32"},
      {kFp32, {2, 3}, "[[1,2,3],[4,5]]", "data[1] has 2 values, expected 3 for shape [2,3]"},
      {kFp32, {2, 3}, "[[1,2,3],[4,5,6,7]]", "data[1] has 4 values, expected 3 for shape [2,3]"},
      {kFp32, {2, 3}, "[[1,2,3]]", "data has 1 values, expected 2 for shape [2,3]"},
      {kFp32, {2, 3}, "[[1,2,3],4]", "data[1] is 4, expected an array of 3"},
      {kFp32, {2, 3}, "[1,2,3,4,5]", "data has 5 values, expected 6 for shape [2,3]"},
      {kFp32, {2, 3}, "[1,2,3,4,5,6,7]", "data has 7 values, expected 6 for shape [2,3]"},
      {kFp32, {2}, "[[1,2]]", "data[0] is an array, expected FP32"},
      {kFp32, {1}, "{\"a\":1}", "data is an object, expected an array of 1"},
      {kFp32, {1}, "[1e39]", "data[0] is 1e+39, which does not fit FP32"},
      {kFp16, {1}, "[65520]", "data[0] is 65520, which does not fit FP16"},
      {kUint8, {2}, "[0,256]", "data[1] is 256, which does not fit UINT8"},
      {kUint8, {1}, "[-1]", "data[0] is -1, which does not fit UINT8"},
      {kInt8, {1}, "[-129]", "data[0] is -129, which does not fit INT8"},
      {kInt64,
       {1},
       "[9223372036854775808]",
       "data[0] is 9223372036854775808, which does not fit INT64"},
      {kInt32, {1}, "[1.5]", "data[0] is 1.5, expected INT32"},
      {kBool, {1}, "[2]", "data[0] is 2, which does not fit BOOL"},
      {kBool, {1}, "[\"true\"]", "data[0] is the string \"true\", expected BOOL"},
      {kBytes, {1}, "[1]", "data[0] is 1, expected BYTES"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(message(c.type, c.shape, c.text), "input 'x': " + std::string(c.message));
  }
}

TEST(JsonTensor, RefusesAShapeThatTheTextCannotHoldBeforeTakingMemoryForIt) {
  EXPECT_EQ(
      message(DataType::kFp32, {1'000'000'000, 1000}, "[1,2,3]"),
      "input 'x': the data has fewer than the 1000000000000 values of shape [1000000000,1000]");
}

}  // namespace
}  // namespace sluice::api::open_inference
