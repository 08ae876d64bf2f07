#include "api/open_inference/rest_codec.h"

#include <gtest/gtest.h>

#include <cstring>

#include "http/json/reader.h"

namespace sluice::api::open_inference {
namespace {

Result<InferMessage> decode(std::string_view json, std::string_view tensors = {}) {
  json::Reader reader;
  const auto root = reader.parse_copy(json);
  if (!root) return fail(root.error());
  return decode_infer(*root, {json, tensors});
}
std::string message(std::string_view json, std::string_view tensors = {}) {
  const auto decoded = decode(json, tensors);
  return decoded ? "no error" : decoded.error().message;
}
// A request with one input and whatever else.
std::string request(std::string_view rest = "") {
  return R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}])" +
         std::string(rest) + "}";
}
std::string input(std::string_view fields) {
  return R"({"inputs":[{"name":"x",)" + std::string(fields) + "}]}";
}

TEST(RestDecode, ReadsEverythingARequestMayHave) {
  const auto decoded = decode(R"({
    "id": "42", "unknown": [1],
    "parameters": {"timeout": 2500, "priority": 2, "binary_data_output": true, "triton_x": 1,
                   "sequence_id": 0, "flag": true, "number": 7, "ratio": 0.5, "text": "t"},
    "inputs": [{"name": "a", "shape": [1, 2], "datatype": "FP32", "data": [[1, 2]]},
               {"name": "b", "shape": [2], "datatype": "BYTES", "data": ["x", "y"]}],
    "outputs": [{"name": "p", "parameters": {"binary_data": false, "classification": 0}},
                {"name": "q"}]})");
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(decoded->id, "42");
  EXPECT_EQ(decoded->timeout, std::chrono::microseconds(2500));
  EXPECT_EQ(decoded->service_class, ServiceClass::kBestEffort);
  EXPECT_FALSE(decoded->wants_binary("p"));
  EXPECT_TRUE(decoded->wants_binary("q"));
  const Parameters rest{
      {"flag", true}, {"number", std::int64_t{7}}, {"ratio", 0.5}, {"text", std::string("t")}};
  EXPECT_EQ(decoded->request.parameters, rest);
  EXPECT_EQ(decoded->request.outputs, (std::vector<std::string>{"p", "q"}));
  ASSERT_EQ(decoded->request.inputs.size(), 2U);
  EXPECT_EQ(decoded->request.inputs[0].as<float>()[1], 2.0F);
  EXPECT_EQ(decoded->request.inputs[1].strings[1], "y");
}

TEST(RestDecode, TakesBinaryInputsInTheirOrder) {
  std::string tensors(8, '\0');
  const float values[] = {1.5F, -2.0F};
  std::memcpy(tensors.data(), values, 8);
  tensors += std::string("\x02\0\0\0hi\0\0\0\0", 10);
  const auto decoded = decode(
      R"({"inputs":[
        {"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}},
        {"name":"y","shape":[1],"datatype":"INT8","data":[3]},
        {"name":"z","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":10}}]})",
      tensors);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(decoded->request.inputs[0].as<float>()[0], 1.5F);
  EXPECT_EQ(decoded->request.inputs[1].as<std::int8_t>()[0], 3);
  EXPECT_EQ(decoded->request.inputs[2].strings, (std::vector<std::string>{"hi", ""}));
}

TEST(RestDecode, SplitsABodyAtTheLengthThatTheHeaderSays) {
  EXPECT_EQ(split_body("{}abc", std::nullopt)->json, "{}abc");
  EXPECT_EQ(split_body("{}abc", "2")->json, "{}");
  EXPECT_EQ(split_body("{}abc", "2")->tensors, "abc");
  for (const std::string_view bad : {"6", "-1", "2x", "", " 2", "99999999999999999999"}) {
    EXPECT_FALSE(split_body("{}abc", bad).has_value()) << bad;
  }
}

TEST(RestDecode, SaysWhatIsWrongWithARequest) {
  struct Case {
    std::string json;
    std::string_view message;
  };
  const Case cases[] = {
      {"[]", "the request must be an object, got an array"},
      {"{}", "the request has no 'inputs'"},
      {R"({"inputs":1})", "inputs must be an array, got 1"},
      {R"({"inputs":[1]})", "inputs[0] must be an object, got 1"},
      {R"({"inputs":[{}]})", "inputs[0] has no 'name'"},
      {R"({"inputs":[{"name":1}]})", "inputs[0].name must be a string, got 1"},
      {input(R"("datatype":"FP32")"), "input 'x' has no 'shape'"},
      {input(R"("shape":[1])"), "input 'x' has no 'datatype'"},
      {input(R"("shape":[1],"datatype":"FP32")"), "input 'x' has no 'data'"},
      {input(R"("shape":1,"datatype":"FP32")"), "input 'x': shape must be an array, got 1"},
      {input(R"("shape":[1.5],"datatype":"FP32")"),
       "input 'x': shape[0] must be a whole number, got 1.5"},
      {input(R"("shape":[-1],"datatype":"FP32")"), "input 'x': the shape has a dimension of -1"},
      {input(R"("shape":[1,1,1,1,1,1,1,1,1],"datatype":"FP32")"),
       "input 'x': shape has more than 8 dimensions"},
      {input(R"("shape":[4611686018427387904,4],"datatype":"FP32")"),
       "input 'x': a shape of [4611686018427387904,4] has too many elements to count"},
      {input(R"("shape":[1],"datatype":"FLOAT","data":[1])"),
       "input 'x': unknown datatype 'FLOAT'; known are BOOL, UINT8, UINT16, UINT32, UINT64, INT8, "
       "INT16, INT32, INT64, FP16, BF16, FP32, FP64, BYTES"},
      {input(R"("shape":[1],"shape":[1])"), "inputs[0]: 'shape' is there twice"},
      {input(R"("shape":[1],"datatype":"FP32","parameters":{"shared_memory_region":"r"})"),
       "input 'x': shared memory is not supported"},
      {request(R"(,"id":7)"), "id must be a string, got 7"},
      {request(R"(,"id":")" + std::string(300, 'i') + '"'), "the id is longer than 256 bytes"},
      {request(R"(,"parameters":[])"), "parameters must be an object, got an array"},
      {request(R"(,"parameters":{"a":{}})"),
       "parameter 'a' must be a boolean, a number or a string, got an object"},
      {request(R"(,"parameters":{"timeout":-1})"),
       "parameter 'timeout' must be a whole number of at least 0"},
      {request(R"(,"parameters":{"sequence_id":3})"),
       "parameter 'sequence_id': nothing here keeps state from one request to the next"},
      {request(R"(,"parameters":{")" + std::string(300, 'p') + R"(":1})"),
       "the name of a parameter is longer than 256 bytes"},
      {R"({"inputs":[{"name":")" + std::string(300, 'n') + R"("}]})",
       "the name of an input is longer than 256 bytes"},
      {request(R"(,"outputs":[{}])"), "outputs[0] has no 'name'"},
      {request(R"(,"outputs":[{"name":"y","parameters":{"classification":2}}])"),
       "output 'y': classification is not supported"},
      {request(R"(,"outputs":[{"name":"y","parameters":{"binary_data":1}}])"),
       "output 'y': binary_data must be a boolean"},
  };
  for (const Case& c : cases) EXPECT_EQ(message(c.json), c.message);
}

TEST(RestDecode, SaysWhatIsWrongWithBinaryData) {
  const auto binary = [](std::string_view type, int size) {
    return input(R"("shape":[2],"datatype":")" + std::string(type) +
                 R"(","parameters":{"binary_data_size":)" + std::to_string(size) + "}");
  };
  EXPECT_EQ(message(binary("FP32", 8), "1234"),
            "input 'x': binary_data_size is 8, but 4 bytes are left after the JSON and the inputs "
            "before");
  EXPECT_EQ(message(binary("FP32", 4), "1234"),
            "input 'x': FP32 of shape [2] needs 2 elements of 4 bytes, got 4 bytes");
  EXPECT_EQ(message(binary("INT8", 2), "1234"), "2 bytes of binary data belong to no input");
  EXPECT_EQ(message(binary("BOOL", 2), std::string_view("\1\2", 2)),
            "input 'x': element 1 is 2, a BOOL is 0 or 1");
  EXPECT_EQ(message(binary("BYTES", 4), std::string_view("\0\0\0\0", 4)),
            "input 'x': 4 bytes cannot hold the 2 BYTES elements of its shape [2]");
  EXPECT_EQ(message(binary("BYTES", 9), std::string_view("\0\0\0\0\2\0\0\0a", 9)),
            "input 'x': element 1 is said to have 2 bytes, 1 are left");
  EXPECT_EQ(message(binary("BYTES", 9), std::string_view("\0\0\0\0\0\0\0\0a", 9)),
            "input 'x': 1 bytes are left over after its 2 elements");
  EXPECT_EQ(message(binary("BYTES", 8), std::string_view("\1\0\0\0a\0\0\0", 8)),
            "input 'x': element 1 of 2 is cut off within its length");
  EXPECT_EQ(message(input(R"("shape":[1],"datatype":"INT8","data":[1],
                             "parameters":{"binary_data_size":1})"),
                    "1"),
            "input 'x' has both 'data' and 'binary_data_size'");
}

TEST(RestDecode, BoundsTheNumberOfInputs) {
  std::string json = R"({"inputs":[)";
  for (std::size_t i = 0; i <= kMaxTensors; ++i) {
    if (i > 0) json += ',';
    json += R"({"name":"x","shape":[0],"datatype":"FP32","data":[]})";
  }
  EXPECT_EQ(message(json + "]}"), "more than 1024 inputs");
}

InferResponse answer() {
  InferResponse response{.model = "iris", .version = "3"};
  response.outputs.push_back(make_tensor("label", DataType::kInt64, {1}));
  response.outputs[0].as<std::int64_t>()[0] = -9007199254740993;
  response.outputs.push_back(make_tensor("text", DataType::kBytes, {1, 2}));
  response.outputs[1].strings = {"a", "bc"};
  return response;
}

TEST(RestEncode, WritesOutputsAsJson) {
  std::string out;
  const auto size = encode_infer(out, {}, answer());
  ASSERT_TRUE(size.has_value());
  EXPECT_EQ(*size, std::nullopt);
  EXPECT_EQ(out, R"({"model_name":"iris","model_version":"3","outputs":[)"
                 R"({"name":"label","datatype":"INT64","shape":[1],"data":[-9007199254740993]},)"
                 R"({"name":"text","datatype":"BYTES","shape":[1,2],"data":["a","bc"]}]})");
}

TEST(RestEncode, PutsBinaryOutputsBehindTheJson) {
  InferMessage asked;
  asked.id = "7";
  asked.binary_by_default = true;
  asked.binary.emplace_back("label", false);
  std::string out = "before";
  const auto size = encode_infer(out, asked, answer());
  ASSERT_TRUE(size.has_value());
  const std::string json =
      R"({"model_name":"iris","model_version":"3","id":"7","outputs":[)"
      R"({"name":"label","datatype":"INT64","shape":[1],"data":[-9007199254740993]},)"
      R"({"name":"text","datatype":"BYTES","shape":[1,2],"parameters":{"binary_data_size":11}}]})";
  EXPECT_EQ(*size, json.size());
  EXPECT_EQ(out, "before" + json + std::string("\1\0\0\0a\2\0\0\0bc", 11));
}

TEST(RestEncode, NamesTheMembersThatGaveNoAnswer) {
  InferResponse response{.model = "flowers", .version = "1"};
  response.parameters["note"] = std::string("x");
  response.errors.push_back({"setosa", unavailable("no \"replica\" is up")});
  std::string out;
  ASSERT_TRUE(encode_infer(out, {}, response).has_value());
  EXPECT_EQ(out, R"({"model_name":"flowers","model_version":"1","parameters":{"note":"x",)"
                 R"("sluice_errors":"{\"setosa\":{\"code\":\"unavailable\",)"
                 R"(\"message\":\"no \\\"replica\\\" is up\"}}"},"outputs":[]})");
}

TEST(RestEncode, AnErrorIsAnObjectWithOneString) {
  EXPECT_EQ(error_json("no model 'x'"), R"({"error":"no model 'x'"})");
}

}  // namespace
}  // namespace sluice::api::open_inference
