#include "api/open_inference/rpc_codec.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <cstring>

#include "rpc/open_inference.pb.h"

namespace sluice::api::open_inference {
namespace {

inference::ModelInferRequest request(const std::string& text) {
  inference::ModelInferRequest message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}
std::string message(const std::string& text) {
  const auto decoded = decode_infer(request(text));
  return decoded ? "no error" : decoded.error().message;
}
std::string typed(const std::string& type, const std::string& contents, int count = 2) {
  return "inputs { name: 'x' datatype: '" + type + "' shape: " + std::to_string(count) +
         " contents { " + contents + " } }";
}

TEST(RpcDecode, TakesTypedContentsOfEveryTypeThatHasThem) {
  struct Case {
    std::string type;
    std::string contents;
    double second;
  };
  const Case cases[] = {
      {"BOOL", "bool_contents: [false, true]", 1},
      {"UINT8", "uint_contents: [0, 255]", 255},
      {"UINT16", "uint_contents: [0, 65535]", 65535},
      {"UINT32", "uint_contents: [0, 4294967295]", 4294967295},
      {"UINT64", "uint64_contents: [0, 9007199254740992]", 9007199254740992},
      {"INT8", "int_contents: [0, -128]", -128},
      {"INT16", "int_contents: [0, -32768]", -32768},
      {"INT32", "int_contents: [0, -2147483648]", -2147483648},
      {"INT64", "int64_contents: [0, -9007199254740992]", -9007199254740992},
      {"FP32", "fp32_contents: [0, 1.5]", 1.5},
      {"FP64", "fp64_contents: [0, 0.1]", 0.1},
  };
  for (const Case& c : cases) {
    const auto decoded = decode_infer(request(typed(c.type, c.contents)));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_EQ(element_as_double(decoded->request.inputs[0], 1), c.second) << c.type;
    EXPECT_EQ(to_string(decoded->request.inputs[0].type), c.type);
  }
  const auto bytes = decode_infer(request(typed("BYTES", R"(bytes_contents: ["", "\xff"])")));
  ASSERT_TRUE(bytes.has_value());
  EXPECT_EQ(bytes->request.inputs[0].strings[1], "\xFF");
}

TEST(RpcDecode, TakesRawContents) {
  const auto decoded = decode_infer(request(R"(
    model_name: 'm' model_version: '2' id: 'i'
    parameters { key: 'timeout' value { int64_param: 1000 } }
    parameters { key: 'flag' value { bool_param: true } }
    parameters { key: 'big' value { uint64_param: 5 } }
    parameters { key: 'half' value { double_param: 0.5 } }
    inputs { name: 'a' datatype: 'INT16' shape: [1, 2] }
    inputs { name: 'b' datatype: 'BYTES' shape: 1 }
    outputs { name: 'y' parameters { key: 'binary_data' value { bool_param: true } } }
    raw_input_contents: ['\001\000\377\377', '\002\000\000\000hi'])"));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(decoded->id, "i");
  EXPECT_EQ(decoded->request.version, "2");
  EXPECT_EQ(decoded->timeout, std::chrono::milliseconds(1));
  const Parameters rest{{"flag", true}, {"big", std::int64_t{5}}, {"half", 0.5}};
  EXPECT_EQ(decoded->request.parameters, rest);
  EXPECT_EQ(decoded->request.inputs[0].as<std::int16_t>()[1], -1);
  EXPECT_EQ(decoded->request.inputs[1].strings[0], "hi");
  EXPECT_EQ(decoded->request.outputs, std::vector<std::string>{"y"});
}

TEST(RpcDecode, SaysWhatIsWrong) {
  struct Case {
    std::string text;
    std::string_view message;
  };
  const Case cases[] = {
      {typed("FP32", "fp32_contents: 1"), "input 'x': FP32 of shape [2] needs 2 values, got 1"},
      {typed("FP32", "fp64_contents: [1, 2]"),
       "input 'x': FP32 of shape [2] needs 2 values, got 0"},
      {typed("INT8", "int_contents: [1, 128]"),
       "input 'x': element 1 is 128, which does not fit INT8"},
      {typed("UINT16", "uint_contents: [1, 65536]"),
       "input 'x': element 1 is 65536, which does not fit UINT16"},
      {typed("FP16", ""), "input 'x': FP16 travels in raw_input_contents only"},
      {typed("BYTES", ""), "input 'x': BYTES of shape [2] needs 2 values, got 0"},
      {"inputs { name: 'x' datatype: 'FP99' shape: 1 }",
       "input 'x': unknown datatype 'FP99'; known are BOOL, UINT8, UINT16, UINT32, UINT64, INT8, "
       "INT16, INT32, INT64, FP16, BF16, FP32, FP64, BYTES"},
      {"inputs { name: 'x' datatype: 'INT8' shape: -1 }",
       "input 'x': the shape has a dimension of -1"},
      {"inputs { name: 'x' datatype: 'INT8' shape: [1,1,1,1,1,1,1,1,1] }",
       "input 'x': the shape has 9 dimensions, at most 8 are taken"},
      {typed("INT8", "int_contents: [1, 2]") + " raw_input_contents: 'ab'",
       "input 'x' has typed contents in a request with raw_input_contents"},
      {"inputs { name: 'x' datatype: 'INT8' shape: 1 } raw_input_contents: ['a', 'b']",
       "2 raw_input_contents for 1 inputs"},
      {"inputs { name: 'x' datatype: 'INT8' shape: 2 } raw_input_contents: 'abc'",
       "input 'x': INT8 of shape [2] needs 2 elements of 1 bytes, got 3 bytes"},
      {std::string("inputs { name: '").append(300, 'n') + "' }",
       "the name of an input is longer than 256 bytes"},
      {std::string("outputs { name: '").append(300, 'n') + "' }",
       "the name of an output is longer than 256 bytes"},
      {"parameters { key: 'p' value { } }", "parameter 'p' has no value"},
      {"parameters { key: 'p' value { uint64_param: 9223372036854775808 } }",
       "parameter 'p' is beyond 63 bits"},
      {"outputs { name: 'y' parameters { key: 'classification' value { int64_param: 1 } } }",
       "output 'y': classification is not supported"},
      {"inputs { name: 'x' parameters { key: 'shared_memory_region' value { string_param: 'r' } } "
       "}",
       "input 'x': shared memory is not supported"},
      {"id: '" + std::string(300, 'i') + "'", "the id is longer than 256 bytes"},
  };
  for (const Case& c : cases) EXPECT_EQ(message(c.text), c.message);
}

TEST(RpcEncode, AnswersRawWithParametersAndMissingMembers) {
  InferResponse response{.model = "m", .version = "2"};
  response.parameters = {{"a", true}, {"b", std::int64_t{-1}}, {"c", 0.5}, {"d", std::string("t")}};
  response.errors.push_back({"setosa", timed_out("too late")});
  response.outputs.push_back(make_tensor("y", DataType::kInt16, {1, 2}));
  response.outputs[0].as<std::int16_t>()[0] = 1;
  response.outputs[0].as<std::int16_t>()[1] = -1;
  response.outputs.push_back(make_tensor("s", DataType::kBytes, {1}));
  response.outputs[1].strings[0] = "hi";
  InferMessage asked;
  asked.id = "i";
  inference::ModelInferResponse to;
  encode_infer(to, asked, response);
  EXPECT_EQ(to.model_name(), "m");
  EXPECT_EQ(to.model_version(), "2");
  EXPECT_EQ(to.id(), "i");
  EXPECT_TRUE(to.parameters().at("a").bool_param());
  EXPECT_EQ(to.parameters().at("b").int64_param(), -1);
  EXPECT_EQ(to.parameters().at("c").double_param(), 0.5);
  EXPECT_EQ(to.parameters().at("d").string_param(), "t");
  EXPECT_EQ(to.parameters().at("sluice_errors").string_param(),
            R"({"setosa":{"code":"timeout","message":"too late"}})");
  ASSERT_EQ(to.outputs_size(), 2);
  EXPECT_EQ(to.outputs(0).datatype(), "INT16");
  EXPECT_EQ(to.outputs(0).shape(1), 2);
  EXPECT_EQ(to.raw_output_contents(0), std::string("\1\0\xFF\xFF", 4));
  EXPECT_EQ(to.raw_output_contents(1), std::string("\2\0\0\0hi", 6));
}

}  // namespace
}  // namespace sluice::api::open_inference
