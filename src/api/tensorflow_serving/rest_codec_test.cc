#include "api/tensorflow_serving/rest_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "api/tensorflow_serving/json_tokens.h"
#include "http/json/reader.h"

namespace sluice::api::tensorflow_serving {
namespace {

using ::testing::HasSubstr;

Description one(DataType type) {
  return {.name = "m", .inputs = {{"x", type, {-1}}}};
}
Description two() {
  return {.name = "m", .inputs = {{"a", DataType::kFp32, {-1}}, {"b", DataType::kBytes, {-1, 2}}}};
}

Result<PredictBody> decode(std::string_view json, const Description& description) {
  json::Reader reader;
  const auto replaced = without_tokens(json);
  const auto root = reader.parse_copy(replaced ? *replaced : json);
  if (!root) return fail(root.error());
  return decode_predict(*root, description, {json.size(), replaced.has_value()});
}
std::string refusal(std::string_view json, const Description& description) {
  const auto body = decode(json, description);
  if (body) return "";
  EXPECT_EQ(body.error().code, ErrorCode::kInvalid);
  return body.error().message;
}
template <class T>
std::vector<T> values(const Result<PredictBody>& body, std::size_t input = 0) {
  const auto span = body.value().request.inputs.at(input).as<T>();
  return {span.begin(), span.end()};
}

TEST(PredictBody, ReadsRowsOfTheOnlyInputWithoutItsName) {
  const auto body =
      decode(R"({"signature_name": "serving_default", "instances": [[1, 2], [3, 4.5]], "z": 1})",
             one(DataType::kFp32));
  ASSERT_TRUE(body.has_value()) << body.error().message;
  EXPECT_EQ(body->form, BodyForm::kRow);
  EXPECT_EQ(body->request.inputs[0].name, "x");
  EXPECT_EQ(body->request.inputs[0].shape, (Shape{2, 2}));
  EXPECT_EQ(values<float>(body), (std::vector<float>{1, 2, 3, 4.5F}));
  EXPECT_EQ(decode(R"({"instances": [1, 2, 3]})", one(DataType::kInt8))->request.inputs[0].shape,
            Shape{3});
}

TEST(PredictBody, ReadsRowsOfNamedInputs) {
  const auto body =
      decode(R"({"instances": [{"a": 1, "b": ["p", "q"]}, {"b": ["r", {"b64": "c3M="}], "a": 2}]})",
             two());
  ASSERT_TRUE(body.has_value()) << body.error().message;
  EXPECT_EQ(body->request.inputs[0].shape, Shape{2});
  EXPECT_EQ(values<float>(body), (std::vector<float>{1, 2}));
  EXPECT_EQ(body->request.inputs[1].shape, (Shape{2, 2}));
  EXPECT_EQ(body->request.inputs[1].strings, (std::vector<std::string>{"p", "q", "r", "ss"}));
  // A single input may be named, too.
  EXPECT_EQ(values<float>(decode(R"({"instances": [{"x": [1]}]})", one(DataType::kFp32))),
            std::vector<float>{1});
}

TEST(PredictBody, ReadsColumnsWithAndWithoutNames) {
  const auto plain = decode(R"({"inputs": [[1], [2]]})", one(DataType::kInt64));
  EXPECT_EQ(plain->form, BodyForm::kColumn);
  EXPECT_EQ(plain->request.inputs[0].shape, (Shape{2, 1}));
  EXPECT_EQ(values<std::int64_t>(plain), (std::vector<std::int64_t>{1, 2}));
  const auto scalar = decode(R"({"inputs": 7})", one(DataType::kInt64));
  EXPECT_EQ(scalar->request.inputs[0].shape.rank(), 0U);
  const auto named = decode(R"({"inputs": {"b": [["p", "q"]], "a": [1, 2, 3]}})", two());
  ASSERT_TRUE(named.has_value()) << named.error().message;
  EXPECT_EQ(named->request.inputs[0].name, "a");
  EXPECT_EQ(named->request.inputs[0].shape, Shape{3});
  EXPECT_EQ(named->request.inputs[1].shape, (Shape{1, 2}));
}

TEST(PredictBody, ReadsBytesAsBase64) {
  for (const char* json : {R"({"instances": [{"b64": "AP8="}]})", R"({"inputs": {"b64": "AP8="}})",
                           R"({"inputs": {"x": {"b64": "AP8="}}})"}) {
    const auto body = decode(json, one(DataType::kBytes));
    ASSERT_TRUE(body.has_value()) << json << body.error().message;
    EXPECT_EQ(body->request.inputs[0].strings[0], std::string("\0\xFF", 2));
  }
  EXPECT_THAT(refusal(R"({"instances": ["a", {"b64": "*"}]})", one(DataType::kBytes)),
              HasSubstr("instances[1]: its b64 is not base64"));
  EXPECT_THAT(refusal(R"({"instances": [{"b64": "AA=="}]})", one(DataType::kFp32)),
              HasSubstr("instances[0] is an object, expected DT_FLOAT"));
}

TEST(PredictBody, ReadsTheWordsForWhatIsNoNumber) {
  const auto body =
      decode(R"({"instances": [NaN, Infinity, -Infinity, -1]})", one(DataType::kFp64));
  ASSERT_TRUE(body.has_value()) << body.error().message;
  const auto numbers = values<double>(body);
  EXPECT_TRUE(std::isnan(numbers[0]));
  EXPECT_EQ(numbers[1], std::numeric_limits<double>::infinity());
  EXPECT_EQ(numbers[2], -std::numeric_limits<double>::infinity());
  for (const DataType type : {DataType::kFp16, DataType::kBf16, DataType::kFp32}) {
    EXPECT_TRUE(std::isnan(
        *element_as_double(decode(R"({"inputs": NaN})", one(type))->request.inputs[0], 0)));
  }
  EXPECT_NE(refusal(R"({"inputs": NaN})", one(DataType::kInt32)), "");
  // Only the words are: what stands for them within does not.
  EXPECT_NE(refusal(R"({"inputs": [{ }]})", one(DataType::kFp32)), "");
  EXPECT_EQ(without_tokens(R"({"a": "NaN \" Infinity", "b": -1})"), std::nullopt);
  EXPECT_EQ(without_tokens("[NaN,-Infinity,Infinity]")->size(), 24U);
}

TEST(PredictBody, EveryTypeIsReadByItsRules) {
  const auto good = [](DataType type, const char* value) {
    return decode(std::string(R"({"inputs": [)") + value + "]}", one(type)).has_value();
  };
  EXPECT_TRUE(good(DataType::kBool, "true, false"));
  EXPECT_TRUE(good(DataType::kUint64, "18446744073709551615"));
  EXPECT_FALSE(good(DataType::kUint8, "256"));
  EXPECT_FALSE(good(DataType::kInt32, "1.0"));
  EXPECT_FALSE(good(DataType::kFp32, "1e39"));
  EXPECT_FALSE(good(DataType::kFp32, "\"1\""));
  EXPECT_FALSE(good(DataType::kFp32, "null"));
  EXPECT_FALSE(good(DataType::kBytes, "1"));
  EXPECT_TRUE(good(DataType::kFp16, "65504"));
  EXPECT_FALSE(good(DataType::kFp16, "1e6"));
}

TEST(PredictBody, SaysWhatIsWrongAndWhere) {
  const Description x = one(DataType::kFp32);
  const std::pair<const char*, const char*> kCases[] = {
      {"[1]", "the body must be an object, got an array"},
      {"{}", "'instances' or 'inputs' is missing"},
      {R"({"instances": [1], "inputs": [1]})", "either 'instances' or 'inputs'"},
      {R"({"instances": [1], "instances": [1]})", "'instances' is there twice"},
      {R"({"instances": 1})", "instances must be an array, got 1"},
      {R"({"instances": []})", "instances is empty"},
      {R"({"instances": [1], "signature_name": 1})", "signature_name must be a string, got 1"},
      {R"({"instances": [1], "signature_name": "other"})", "there is no signature 'other'"},
      {R"({"instances": [[1], 2]})", "instances[1] is 2, expected an array of 1"},
      {R"({"instances": [1, [2]]})", "instances[1] is an array, expected DT_FLOAT"},
      {R"({"instances": [[1, 2], [3]]})", "instances[1] has 1 values, expected 2"},
      {R"({"instances": [[1], [2, 3]]})", "instances[1] has 2 values, expected 1"},
      {R"({"instances": [{"x": 1}, 2]})", "instances[1] must be an object like the one before"},
      {R"({"instances": [{"x": 1}, {"y": 2}]})", "instances[1]: 'm' has no input 'y'"},
      {R"({"instances": [{"x": 1}, {}]})", "instances[1] has no 'x'"},
      {R"({"instances": [{"x": 1}, {"x": [1]}]})", "instances[1].x is an array"},
      {R"({"instances": [{"x": [1]}, {"x": ["a"]}]})", "instances[1].x[0] is the string"},
      {R"({"inputs": {"y": 1}})", "inputs: 'm' has no input 'y'"},
      {R"({"inputs": {}})", "inputs has no 'x'"},
      {R"({"inputs": [[[[[[[[[1]]]]]]]]]})", "inputs is nested deeper than 8 dimensions"},
      {R"({"inputs": [[[1,2,3,4,5,6,7,8],0,0,0],0,0,0]})", "must have the same length"},
  };
  for (const auto& [json, message] : kCases)
    EXPECT_THAT(refusal(json, x), HasSubstr(message)) << json;
  EXPECT_THAT(refusal(R"({"instances": [1]})", two()),
              HasSubstr("must be an object of named values: the inputs of 'm' are 'a', 'b'"));
  EXPECT_THAT(refusal(R"({"inputs": [1]})", two()), HasSubstr("inputs must be an object of named"));
}

TEST(PredictBody, EmptyArraysAreTensorsWithoutElements) {
  const auto body = decode(R"({"inputs": [[], []]})", one(DataType::kFp32));
  EXPECT_EQ(body->request.inputs[0].shape, (Shape{2, 0}));
  EXPECT_NE(refusal(R"({"inputs": [[], [1]]})", one(DataType::kFp32)), "");
}

Tensor tensor(std::string name, const Shape& shape, const std::vector<float>& numbers) {
  Tensor made = make_tensor(std::move(name), DataType::kFp32, shape);
  std::ranges::copy(numbers, made.as<float>().begin());
  return made;
}
std::string encoded(BodyForm form, std::vector<Tensor> outputs) {
  std::string out;
  InferResponse response;
  response.outputs = std::move(outputs);
  const auto result = encode_predict(out, form, response);
  return result ? out : result.error().message;
}

TEST(PredictAnswer, TheOnlyOutputStandsWithoutItsName) {
  EXPECT_EQ(encoded(BodyForm::kRow, {tensor("y", {2, 2}, {1, 2.5F, 3, 1e20F})}),
            R"({"predictions":[[1.0,2.5],[3.0,1e+20]]})");
  EXPECT_EQ(encoded(BodyForm::kColumn, {tensor("y", {2}, {1, 2})}), R"({"outputs":[1.0,2.0]})");
  EXPECT_EQ(encoded(BodyForm::kColumn, {tensor("y", {}, {1})}), R"({"outputs":1.0})");
  EXPECT_EQ(encoded(BodyForm::kColumn, {tensor("y", {2, 0}, {})}), R"({"outputs":[[],[]]})");
}

TEST(PredictAnswer, SeveralOutputsAreObjects) {
  const std::vector<Tensor> outputs{tensor("y", {2, 1}, {1, 2}), tensor("z", {2}, {3, 4})};
  EXPECT_EQ(encoded(BodyForm::kRow, outputs),
            R"({"predictions":[{"y":[1.0],"z":3.0},{"y":[2.0],"z":4.0}]})");
  EXPECT_EQ(encoded(BodyForm::kColumn, outputs),
            R"({"outputs":{"y":[[1.0],[2.0]],"z":[3.0,4.0]}})");
}

TEST(PredictAnswer, RowsMustBeThereAndAlike) {
  EXPECT_THAT(encoded(BodyForm::kRow, {tensor("y", {}, {1})}), HasSubstr("has no rows"));
  EXPECT_THAT(encoded(BodyForm::kRow, {tensor("y", {1}, {1}), tensor("z", {2}, {1, 2})}),
              HasSubstr("output 'z' has 2 rows and 'y' has 1"));
  EXPECT_THAT(encoded(BodyForm::kRow, {}), HasSubstr("no output"));
}

TEST(PredictAnswer, WritesWordsWhereJsonHasNoNumber) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(encoded(BodyForm::kRow, {tensor("y", {3}, {std::nanf(""), infinity, -infinity})}),
            R"({"predictions":[NaN,Infinity,-Infinity]})");
}

TEST(PredictAnswer, StringsAreTextOrBase64) {
  Tensor text{"y", DataType::kBytes, {2}, {}, {"a\"", "\xFF"}};
  EXPECT_EQ(encoded(BodyForm::kRow, {text}), R"({"predictions":["a\"",{"b64":"/w=="}]})");
  text.name = "y_bytes";
  text.strings = {"a", ""};
  EXPECT_EQ(encoded(BodyForm::kRow, {text}), R"({"predictions":[{"b64":"YQ=="},{"b64":""}]})");
}

TEST(PredictAnswer, EveryTypeIsWritten) {
  for (std::size_t i = 0; i < kDataTypeCount; ++i) {
    const auto type = static_cast<DataType>(i);
    Tensor zero = make_tensor("y", type, {1});
    std::ranges::fill(zero.data.bytes(), std::byte{});
    const std::string_view t = to_string(type);
    const char* value = t.contains("FP") || t == "BF16" ? "0.0"
                        : type == DataType::kBool       ? "false"
                        : type == DataType::kBytes      ? R"("")"
                                                        : "0";
    EXPECT_EQ(encoded(BodyForm::kRow, {zero}), std::string(R"({"predictions":[)") + value + "]}");
  }
}

}  // namespace
}  // namespace sluice::api::tensorflow_serving
