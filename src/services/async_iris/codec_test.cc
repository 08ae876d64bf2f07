#include "services/async_iris/codec.h"

#include <gtest/gtest.h>

#include "inference/testing_callable.h"

namespace sluice::async_iris {
namespace {

const Description kIris{.name = "iris",
                        .inputs = {{"input", DataType::kFp32, {-1, 4}}},
                        .outputs = {{"output", DataType::kFp32, {-1, 3}}}};

class AsyncIrisCodecTest : public ::testing::Test {
 protected:
  std::string result_of(const Tensor& output) {
    auto encoded = codec->encode(testing::response_of(output), kIris, "job");
    return encoded ? encoded->bytes : encoded.error().message;
  }
  OptionsByCallable options{{"iris", {}}};
  std::unique_ptr<jobs::Codec> codec = make_codec(options);
};

TEST_F(AsyncIrisCodecTest, NamesTheMostProbableClass) {
  const auto encoded = codec->encode(
      testing::response_of(testing::fp32("output", {1, 3}, {0.25F, 0.5F, 0.25F})), kIris, "job");
  ASSERT_TRUE(encoded);
  EXPECT_EQ(encoded->bytes,
            R"({"prediction":1,"class_name":"versicolor","probabilities":[0.25,0.5,0.25]})");
  EXPECT_EQ(encoded->action, "prediction_completed");
  EXPECT_EQ(encoded->summary, "versicolor");
}

TEST_F(AsyncIrisCodecTest, TellsOfEveryRow) {
  EXPECT_EQ(result_of(testing::fp32("output", {2, 3}, {1, 0, 0, 0, 0, 1})),
            R"({"prediction":0,"class_name":"setosa","probabilities":[1,0,0],"predictions":[)"
            R"({"prediction":0,"class_name":"setosa","probabilities":[1,0,0]},)"
            R"({"prediction":2,"class_name":"virginica","probabilities":[0,0,1]}]})");
}

TEST_F(AsyncIrisCodecTest, LeavesTheResultOutOfTheLogWhereThatIsWanted) {
  options["iris"].log_result = false;
  const auto encoded =
      codec->encode(testing::response_of(testing::fp32("output", {1, 3}, {1, 0, 0})), kIris, "job");
  EXPECT_EQ(encoded->summary, "");
}

TEST_F(AsyncIrisCodecTest, TakesTheBodyAndTheBareArray) {
  for (const char* input : {R"({"data":[[5.1,3.5,1.4,0.2]]})", "[[5.1,3.5,1.4,0.2]]"}) {
    const auto request = codec->decode(input, kIris);
    ASSERT_TRUE(request) << input;
    EXPECT_EQ(std::get<InferRequest>(*request).inputs.at(0).shape, (Shape{1, 4}));
  }
  EXPECT_FALSE(codec->decode(R"({"data":[[5.1,3.5,1.4,10]]})", kIris));
  EXPECT_FALSE(codec->decode("5", kIris));
}

TEST_F(AsyncIrisCodecTest, SaysWhenTheModelGivesNoProbabilities) {
  EXPECT_EQ(result_of(make_tensor("label", DataType::kInt64, {1})),
            "the model gave no floating-point output");
}

}  // namespace
}  // namespace sluice::async_iris
