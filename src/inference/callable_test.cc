#include "inference/callable.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

Description iris() {
  return {.name = "iris",
          .inputs = {{"input", DataType::kFp32, {-1, 4}}},
          .outputs = {{"output", DataType::kFp32, {-1, 3}}}};
}

InferRequest with(Tensor tensor) {
  InferRequest request;
  request.inputs.push_back(std::move(tensor));
  return request;
}

TEST(CheckInputs, TakesWhatTheDescriptionSays) {
  EXPECT_TRUE(check_inputs(iris(), with(make_tensor("input", DataType::kFp32, {3, 4}))));
}

TEST(CheckInputs, SaysWhatWasExpectedAndWhatCame) {
  struct Case {
    InferRequest request;
    std::string_view message;
  };
  InferRequest twice = with(make_tensor("input", DataType::kFp32, {1, 4}));
  twice.inputs.push_back(twice.inputs[0]);
  InferRequest output = with(make_tensor("input", DataType::kFp32, {1, 4}));
  output.outputs.emplace_back("nope");
  const Case cases[] = {
      {with(make_tensor("x", DataType::kFp32, {1, 4})),
       "'iris' has no input 'x'; its inputs are: input"},
      {with(make_tensor("input", DataType::kFp64, {1, 4})),
       "input 'input' of 'iris' takes FP32, got FP64"},
      {with(make_tensor("input", DataType::kFp32, {1, 5})),
       "input 'input' of 'iris' takes shape [-1,4], got [1,5]"},
      {twice, "input 'input' is there twice"},
      {InferRequest{}, "input 'input' of 'iris' is missing"},
      {output, "'iris' has no output 'nope'; its outputs are: output"},
  };
  for (const Case& c : cases) {
    const Result<> result = check_inputs(iris(), c.request);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::kInvalid);
    EXPECT_EQ(result.error().message, c.message);
  }
}

}  // namespace
}  // namespace sluice
