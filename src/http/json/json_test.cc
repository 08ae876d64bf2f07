#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "http/json/error_position.h"
#include "http/json/reader.h"
#include "http/json/writer.h"

namespace sluice::json {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}
template <class T>
std::string number(T value) {
  std::string out;
  append_number(out, value);
  return out;
}

TEST(JsonWriter, PutsCommasWhereTheyBelong) {
  std::string out = "before ";
  Writer w(out);
  w.begin_object().field("a", 1).field("b", "x").key("c").begin_array();
  w.value(1.5).value(true).null().begin_object().end_object().begin_array().end_array();
  w.end_array().field("d", std::string(",")).field("e", std::uint64_t{1}).end_object();
  EXPECT_EQ(out, R"(before {"a":1,"b":"x","c":[1.5,true,null,{},[]],"d":",","e":1})");
}

TEST(JsonWriter, EscapesWhatJsonWantsEscaped) {
  EXPECT_EQ(quoted("a\"b\\c\n\r\t\b\f\x01\x7f"), "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\x7f\"");
  EXPECT_EQ(quoted("gr\xC3\xBC\xC3\x9F \xF0\x9F\x8C\xB7"),
            "\"gr\xC3\xBC\xC3\x9F \xF0\x9F\x8C\xB7\"");
}

TEST(JsonWriter, ReplacesWhatIsNotUtf8) {
  const std::string_view bad[] = {"\xFF",     "\xC0\x80",         "\xED\xA0\x80",
                                  "\xE2\x82", "\xF4\x90\x80\x80", "\xF0\x80\x80\x80",
                                  "\x80"};
  for (const std::string_view text : bad) {
    EXPECT_FALSE(is_utf8(text));
    std::string out = quoted(text);
    EXPECT_TRUE(is_utf8(out));
    Reader reader;
    EXPECT_TRUE(reader.parse_copy(out).has_value());
  }
  EXPECT_TRUE(is_utf8("\xC3\xBC\xE2\x82\xAC\xF0\x9F\x8C\xB7"));
}

TEST(JsonWriter, WritesTheShortestNumberThatReadsBack) {
  EXPECT_EQ(number(0.1F), "0.1");
  EXPECT_EQ(number(0.1), "0.1");
  EXPECT_EQ(number(1.0), "1");
  EXPECT_EQ(number(-0.0), "-0");
  EXPECT_EQ(number(1e300), "1e+300");
  EXPECT_EQ(number(std::numeric_limits<double>::denorm_min()), "5e-324");
  EXPECT_EQ(number(NAN), "null");
  EXPECT_EQ(number(-INFINITY), "null");
  std::string out;
  append_integer(out, std::numeric_limits<std::int64_t>::min());
  append_integer(out, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(out, "-922337203685477580818446744073709551615");
}

TEST(JsonPosition, NamesTheByteAtWhichTheTextIsWrong) {
  struct Case {
    std::string_view text;
    std::size_t offset;
  };
  const Case cases[] = {
      {R"({"a":1,})", 7},
      {R"({"a" 1})", 5},
      {"[1,2", 4},
      {"[1,2] x", 6},
      {"nul", 3},
      {"[01]", 2},
      {"[1,\x01]", 3},
      {"[NaN]", 1},
      {"[1, 18446744073709551616]", 4},
      {"[\"1e999\", 1e999]", 10},
      {"[-9223372036854775809]", 1},
  };
  for (const Case& c : cases) {
    Reader reader;
    const auto parsed = reader.parse_copy(c.text);
    ASSERT_FALSE(parsed.has_value()) << c.text;
    EXPECT_EQ(position_of_error(c.text).offset, c.offset) << c.text;
    EXPECT_TRUE(
        parsed.error().message.starts_with("not JSON at byte " + std::to_string(c.offset) + ": "))
        << parsed.error().message;
  }
}

TEST(JsonReader, RefusesAnEmptyTextAndDeepNestingInWords) {
  Reader reader;
  EXPECT_EQ(reader.parse_copy(" \n").error().message, "the body is empty where JSON is expected");
  const std::string deep = std::string(200, '[') + std::string(200, ']');
  EXPECT_EQ(reader.parse_copy(deep).error().message, "JSON nested deeper than 64 levels");
  const std::string shallow = std::string(60, '[') + std::string(60, ']');
  EXPECT_TRUE(reader.parse_copy(shallow).has_value());
}

TEST(JsonReader, ReadsLargeTextsAfterSmallOnesAndTheOtherWayRound) {
  Reader reader;
  std::string large = "[0";
  for (int i = 0; i < 600'000; ++i) large += ",1";
  large += ']';
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(reader.parse_copy("[1]").value().get_array().size(), 1U);
    EXPECT_TRUE(reader.parse_copy(large).has_value());
  }
}

TEST(JsonReader, ShowsValuesForMessages) {
  Reader reader;
  const auto show = [&](std::string_view text) { return excerpt(reader.parse_copy(text).value()); };
  EXPECT_EQ(show("[1]"), "an array");
  EXPECT_EQ(show("\"x\""), "the string \"x\"");
  EXPECT_EQ(show("1.5"), "1.5");
  EXPECT_EQ(show('"' + std::string(100, 'a') + '"').size(), 43U);
}

}  // namespace
}  // namespace sluice::json
