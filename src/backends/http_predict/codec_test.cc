#include "backends/http_predict/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sluice::http_predict {
namespace {

using testing::HasSubstr;

Tensor rows(std::int64_t n, std::int64_t columns, std::vector<float> numbers) {
  Tensor tensor = make_tensor("float_input", DataType::kFp32, {n, columns});
  std::ranges::copy(numbers, tensor.as<float>().begin());
  return tensor;
}

// As the client hands bodies out: with room behind.
std::string padded(std::string text) {
  text.reserve(text.size() + 64);
  return text;
}

TEST(WriteRows, WritesEachNumberAsItsShortestRoundTrip) {
  EXPECT_EQ(write_rows(rows(2, 2, {5.1F, 3.5F, -0.0F, 1e30F})),
            R"({"data":[[5.1,3.5],[-0,1e+30]]})");
  EXPECT_EQ(write_rows(rows(1, 1, {0.1F})), R"({"data":[[0.1]]})");
}

TEST(WriteRows, RefusesWhatJsonCannotSay) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto bad = write_rows(rows(2, 2, {1, 2, 3, nan}));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(bad.error().message,
            "input 'float_input', row 1, column 1: nan cannot be sent as JSON");
  EXPECT_EQ(write_rows(rows(0, 4, {})).error().message, "input 'float_input' has no rows");
  EXPECT_FALSE(write_rows(rows(3, 0, {})));
}

TEST(AnswerReader, ReadsEveryRowWhereTheyAreThere) {
  AnswerReader reader;
  const auto tensor = reader.read(
      padded(R"({"prediction": [0.9, 0.1], "predictions": [[0.9, 0.1], [0, 1]], "more": {}})"), "p",
      2);
  ASSERT_TRUE(tensor) << tensor.error().message;
  EXPECT_EQ(tensor->name, "p");
  EXPECT_EQ(tensor->shape, (Shape{2, 2}));
  EXPECT_THAT(tensor->as<float>(), testing::ElementsAre(0.9F, 0.1F, 0.0F, 1.0F));
}

TEST(AnswerReader, ReadsTheFirstRowOfAServiceThatGivesNoMore) {
  AnswerReader reader;
  const auto tensor = reader.read(padded(R"({"prediction": [0.25, 0.75]})"), "p", 3);
  ASSERT_TRUE(tensor) << tensor.error().message;
  EXPECT_EQ(tensor->shape, (Shape{1, 2}));
}

TEST(AnswerReader, SaysWhyAnAnswerIsNoPrediction) {
  struct Case {
    std::string body;
    std::string_view message;
  };
  const Case cases[] = {
      {"", "the body is empty"},
      {"<html>", "not JSON at byte 0"},
      {R"({"prediction": [0.5)", "not JSON at byte 19"},
      {"[]", "neither prediction nor predictions"},
      {"{}", "neither prediction nor predictions"},
      {R"({"prediction": 1})", "prediction should be an array of numbers, is an integer"},
      {R"({"prediction": []})", "prediction is empty"},
      {R"({"prediction": [0.5, null]})", "prediction[1] should be a number, is null"},
      {R"({"prediction": [1e300]})", "prediction[0] does not fit FP32"},
      {R"({"predictions": []})", "predictions should be an array of rows"},
      {R"({"predictions": [[1], [1, 2]]})", "predictions[1] has 2 numbers, the first has 1"},
      {R"({"predictions": [[1]]})", "it has 1 rows, asked were 2"},
      {R"({"predictions": [[1], "x"]})", "predictions[1] should be an array of numbers"},
  };
  AnswerReader reader;
  for (const Case& c : cases) {
    const auto tensor = reader.read(padded(c.body), "p", 2);
    ASSERT_FALSE(tensor) << c.body;
    EXPECT_EQ(tensor.error().code, ErrorCode::kInternal);
    EXPECT_THAT(tensor.error().message, HasSubstr("the answer is no prediction: "));
    EXPECT_THAT(tensor.error().message, HasSubstr(c.message)) << c.body;
  }
}

TEST(AnswerReader, MapsStatusesToErrorsWithWhatTheBodySays) {
  struct Case {
    int status;
    std::string body;
    ErrorCode code;
    std::string_view message;
  };
  const Case cases[] = {
      {400, "", ErrorCode::kInvalid, "it answered 400"},
      {422, R"({"detail": "row 0 has 3 columns"})", ErrorCode::kInvalid,
       "it answered 422: row 0 has 3 columns"},
      {422, R"({"detail": [{"loc": ["body"]}]})", ErrorCode::kInvalid, "it answered 422: [{"},
      {404, R"({"detail":"Not Found"})", ErrorCode::kInternal, "it answered 404: Not Found"},
      {413, "", ErrorCode::kTooLarge, "it answered 413"},
      {408, "", ErrorCode::kTimeout, "it answered 408"},
      {429, R"({"error": {"message": "slow down"}})", ErrorCode::kExhausted,
       "it answered 429: slow down"},
      {500, "Internal\nServer Error", ErrorCode::kInternal,
       "it answered 500: Internal Server Error"},
      {501, "", ErrorCode::kInternal, "it answered 501"},
      {502, "", ErrorCode::kUnavailable, "it answered 502"},
      {503, R"({"message": "draining"})", ErrorCode::kUnavailable, "it answered 503: draining"},
      {504, "\xFF\xFE", ErrorCode::kTimeout, "it answered 504"},
      {302, "", ErrorCode::kUnavailable, "it answered 302 (redirections are not followed)"},
  };
  AnswerReader reader;
  for (const Case& c : cases) {
    http::ClientResponse response{.status = c.status, .body = padded(c.body)};
    const Error error = reader.error_of(response);
    EXPECT_EQ(error.code, c.code) << c.status;
    EXPECT_TRUE(error.message.starts_with(c.message)) << error.message;
  }
}

TEST(AnswerReader, TakesRetryAfterOnlyInSecondsAndOnlyWhereItMeansSomething) {
  AnswerReader reader;
  const auto after = [&](int status, std::string value) {
    return reader
        .error_of({.status = status, .headers = {{"Retry-After", std::move(value)}}, .body = ""})
        .retry_after;
  };
  EXPECT_EQ(after(503, "2"), std::chrono::seconds(2));
  EXPECT_EQ(after(429, "999999999"), std::chrono::hours(24));
  EXPECT_EQ(after(503, "Wed, 21 Oct 2015 07:28:00 GMT"), std::nullopt);
  EXPECT_EQ(after(503, "-1"), std::nullopt);
  EXPECT_EQ(after(500, "2"), std::nullopt);
}

}  // namespace
}  // namespace sluice::http_predict
