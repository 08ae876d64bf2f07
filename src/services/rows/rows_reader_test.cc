#include "services/rows/rows_reader.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/format.h"

namespace sluice::rows {
namespace {

const TensorInfo kFour{"float_input", DataType::kFp32, {-1, 4}};

std::expected<Tensor, BodyError> read(std::string body, const TensorInfo& input = kFour) {
  RowsReader reader;
  const std::size_t size = body.size();
  body += std::string(64, ' ');
  return reader.read(std::string_view(body).substr(0, size), input);
}

TensorInfo one_column(DataType type) {
  return {"x", type, {-1, 1}};
}

TEST(RowsReader, MakesOneTensorOfTheRows) {
  const auto tensor = read(R"({"data": [[5.1, 3.5, 1.4, 0.2], [6, -3e0, 4.5, 1]]})").value();
  EXPECT_EQ(tensor.name, "float_input");
  EXPECT_EQ(tensor.shape, (Shape{2, 4}));
  const auto values = tensor.as<float>();
  EXPECT_EQ(std::vector<float>(values.begin(), values.end()),
            (std::vector<float>{5.1F, 3.5F, 1.4F, 0.2F, 6, -3, 4.5F, 1}));
}

TEST(RowsReader, TakesAsManyColumnsAsTheFirstRowHasWhereTheModelDoesNotSay) {
  for (const Shape& any : {Shape{-1, -1}, Shape{-1}, Shape{}}) {
    const TensorInfo input{"x", DataType::kFp32, any};
    EXPECT_EQ(read(R"({"data":[[1,2,3],[4,5,6]]})", input).value().shape, (Shape{2, 3}));
  }
}

TEST(RowsReader, RefusesAValueThatIsOutOfItsRange) {
  RowsReader reader;
  const RowRules rules{.above = 0, .below = 10};
  EXPECT_TRUE(reader.read_copy(R"({"data":[[0.1,9.9,1,2]]})", kFour, rules));
  const auto low = reader.read_copy(R"({"data":[[1,2,3,4],[1,0,3,4]]})", kFour, rules);
  EXPECT_EQ(low.error().status, 422);
  EXPECT_EQ(low.error().error.message, "'data' row 1 column 1: expected a number above 0, got 0");
  const auto high = reader.read_copy(R"({"data":[[1,2,3,10.0]]})", kFour, rules);
  EXPECT_EQ(high.error().error.message,
            "'data' row 0 column 3: expected a number below 10, got 10.0");
}

TEST(RowsReader, TakesABareArrayWhereThatIsAllowed) {
  RowsReader reader;
  EXPECT_TRUE(reader.read_copy("[[1,2,3,4]]", kFour, {.bare_array = true}));
  EXPECT_FALSE(reader.read_copy("[[1,2,3,4]]", kFour));
}

TEST(RowsReader, IgnoresOtherKeys) {
  EXPECT_TRUE(read(R"({"id": 7, "data": [[1,2,3,4]], "more": {}})"));
}

struct WrongBody {
  std::string body;
  int status;
  std::string message;
  Shape shape = {-1, 4};
};

TEST(RowsReader, SaysWhichFieldRowAndColumnWhatWasExpectedAndWhatCame) {
  const std::vector<WrongBody> cases{
      {"", 400, "the body is empty where JSON is expected"},
      {"[[1,2,3,4]]", 422, R"(expected an object like {"data": [[..]]}, got an array)"},
      {"7", 422, R"(expected an object like {"data": [[..]]}, got an integer)"},
      {"{}", 422, "'data' is missing; expected a list of rows"},
      {R"({"Data":[[1,2,3,4]]})", 422, "'data' is missing; expected a list of rows"},
      {R"({"data":"x"})", 422, "'data': expected a list of rows, got a string"},
      {R"({"data":null})", 422, "'data': expected a list of rows, got null"},
      {R"({"data":{}})", 422, "'data': expected a list of rows, got an object"},
      {R"({"data":[]})", 422, "'data' has no rows; it must have at least one"},
      {R"({"data":[1,2,3,4]})", 422, "'data' row 0: expected a list of 4 numbers, got an integer"},
      {R"({"data":[[1,2,3,4],true]})", 422,
       "'data' row 1: expected a list of 4 numbers, got a boolean"},
      {R"({"data":[[]]})", 422, "'data' row 0: expected 4 columns, got 0"},
      {R"({"data":[[1,2,3]]})", 422, "'data' row 0: expected 4 columns, got 3"},
      {R"({"data":[[1,2,3,4],[1,2,3,4,5]]})", 422, "'data' row 1: expected 4 columns, got 5"},
      {R"({"data":[[1,2,"3",4]]})", 422,
       R"('data' row 0 column 2: expected a number, got the string "3")"},
      {R"({"data":[[1,2,3,4],[1,null,3,4]]})", 422,
       "'data' row 1 column 1: expected a number, got null"},
      {R"({"data":[[1,2,3,[4]]]})", 422, "'data' row 0 column 3: expected a number, got an array"},
      {R"({"data":[[1,2,3,1e39]]})", 422,
       "'data' row 0 column 3: expected a number that a float32 holds, got 1e+39"},
      {R"({"data":[7]})",
       422,
       "'data' row 0: expected a list of numbers, got an integer",
       {-1, -1}},
      {R"({"data":[[]]})", 422, "'data' row 0: expected 1 columns, got 0", {-1, -1}},
      {R"({"data":[[1,2],[3]]})", 422, "'data' row 1: expected 2 columns, got 1", {-1, -1}},
  };
  for (const WrongBody& c : cases) {
    const auto tensor = read(c.body, {"x", DataType::kFp32, c.shape});
    ASSERT_FALSE(tensor) << c.body;
    EXPECT_EQ(tensor.error().status, c.status) << c.body;
    EXPECT_EQ(tensor.error().error.code, ErrorCode::kInvalid) << c.body;
    EXPECT_EQ(tensor.error().error.message, c.message) << c.body;
  }
}

TEST(RowsReader, SaysAtWhichByteABodyStopsBeingJson) {
  const auto tensor = read(R"({"data": [[1,2,,3]]})");
  ASSERT_FALSE(tensor);
  EXPECT_EQ(tensor.error().status, 400);
  EXPECT_TRUE(tensor.error().error.message.starts_with("not JSON at byte 15:"))
      << tensor.error().error.message;
}

TEST(RowsReader, TakesNoMoreMemoryThanTheBodyIsWorth) {
  const TensorInfo wide{"x", DataType::kFp32, {-1, std::int64_t{1} << 40}};
  EXPECT_EQ(read(R"({"data":[[1],[2]]})", wide).error().error.message,
            formatted("'data' row 0: expected {} columns, got 1", wide.shape[1]));
}

struct TypeCase {
  DataType type;
  std::vector<std::string> fit, unfit;
  std::string expected;
};

TEST(RowsReader, StoresNumbersAsTheModelsTypeAndRefusesWhatItCannotHold) {
  const std::string whole = "a whole number in range";
  const std::vector<TypeCase> cases{
      {DataType::kFp16, {"0.5", "-65504"}, {"65520", "-1e300"}, "a number that a float16 holds"},
      {DataType::kBf16,
       {"0.5", "-3e38"},
       {"1e39", "3.4028235e38"},
       "a number that a bfloat16 holds"},
      {DataType::kFp32, {"0.5", "3e38"}, {"1e39", "-1e39"}, "a number that a float32 holds"},
      {DataType::kFp64, {"0.5", "1e300"}, {}, ""},
      {DataType::kInt8, {"-128", "127", "1e2"}, {"128", "-129", "0.5"}, whole},
      {DataType::kInt16, {"-32768", "32767"}, {"32768", "-32769"}, whole},
      {DataType::kInt32, {"-2147483648", "2147483647"}, {"2147483648", "1.5"}, whole},
      {DataType::kInt64,
       {"9007199254740991", "-9007199254740991"},
       {"9007199254740993", "-9007199254740993", "1e300"},
       whole},
      {DataType::kUint8, {"0", "255"}, {"256", "-1"}, whole},
      {DataType::kUint16, {"65535"}, {"65536", "-1"}, whole},
      {DataType::kUint32, {"4294967295"}, {"4294967296", "-1"}, whole},
      {DataType::kUint64, {"9007199254740991"}, {"-1", "18446744073709551615"}, whole},
      {DataType::kBool, {}, {"1"}, "a model that takes numbers"},
      {DataType::kBytes, {}, {"1"}, "a model that takes numbers"},
  };
  for (const TypeCase& c : cases) {
    for (const std::string& text : c.fit) {
      const auto tensor = read(formatted(R"({{"data":[[{}]]}})", text), one_column(c.type));
      ASSERT_TRUE(tensor) << to_string(c.type) << ' ' << tensor.error().error.message;
      const double stored = element_as_double(*tensor, 0).value();
      EXPECT_NEAR(stored, std::stod(text), std::abs(stored) / 100) << to_string(c.type);
    }
    for (const std::string& text : c.unfit) {
      const auto tensor = read(formatted(R"({{"data":[[{}]]}})", text), one_column(c.type));
      ASSERT_FALSE(tensor) << to_string(c.type) << ' ' << text;
      EXPECT_TRUE(tensor.error().error.message.starts_with(
          formatted("'data' row 0 column 0: expected {}, got ", c.expected)))
          << tensor.error().error.message;
    }
  }
}

TEST(RowsTensor, MakesTheSampleOfTheConfiguration) {
  const auto tensor = rows_tensor({{1, 2, 3, 4}}, kFour).value();
  EXPECT_EQ(tensor.shape, (Shape{1, 4}));
  EXPECT_EQ(tensor.as<float>()[3], 4);
}

TEST(RowsTensor, SaysWhatIsWrongWithTheSample) {
  EXPECT_EQ(rows_tensor({{1, 2}}, kFour).error().message,
            "the sample has a row of 2 columns; 4 are expected");
  EXPECT_EQ(rows_tensor({{1, 2, 3, 4}, {1}}, kFour).error().message,
            "the sample has a row of 1 columns; 4 are expected");
  EXPECT_EQ(rows_tensor({{1, 2}, {1}}, {"x", DataType::kFp32, {-1, -1}}).error().message,
            "the sample has a row of 1 columns; 2 are expected");
  EXPECT_EQ(rows_tensor({{0.5}}, one_column(DataType::kInt8)).error().message,
            "the sample has 0.5; expected a whole number in range");
}

}  // namespace
}  // namespace sluice::rows
