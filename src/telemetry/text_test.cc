#include "telemetry/text.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace sluice::telemetry {
namespace {

std::string json(std::string_view value) {
  std::string out;
  append_json_string(out, value);
  return out;
}
std::string readable(std::string_view value) {
  std::string out;
  append_readable(out, value);
  return out;
}
std::string number(double value) {
  std::string out;
  append_json_number(out, value);
  return out;
}

TEST(JsonString, PlainTextStandsAsItIs) {
  EXPECT_EQ(json("GET /predict"), R"("GET /predict")");
}

TEST(JsonString, QuotesBackslashesAndControlCharactersAreEscaped) {
  EXPECT_EQ(json("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(json("\n\r\t"), R"("\n\r\t")");
  EXPECT_EQ(json(std::string_view("\0\x01\x1F", 3)), R"("\u0000\u0001\u001f")");
}

TEST(JsonString, EachByteIsTreatedTheSameWhereverItStands) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const std::string alone = json(std::string(1, c));
    const std::string inner = alone.substr(1, alone.size() - 2);
    for (std::size_t at = 0; at < 17; ++at) {
      std::string text(17, 'x');
      text[at] = c;
      EXPECT_EQ(json(text), '"' + std::string(at, 'x') + inner + std::string(16 - at, 'x') + '"')
          << byte << " at " << at;
    }
  }
}

TEST(JsonString, WellFormedUtf8StandsAsItIs) {
  EXPECT_EQ(json("å 花 🌸 \x7F"), "\"å 花 🌸 \x7F\"");
  EXPECT_EQ(json("\xF4\x8F\xBF\xBF"), "\"\xF4\x8F\xBF\xBF\"");  // U+10FFFF
}

TEST(JsonString, EachIllFormedPartBecomesOneReplacementCharacter) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(json("a\xFFz"), "\"a" + r + "z\"");
  EXPECT_EQ(json("\x80\x80"), "\"" + r + r + "\"");
  EXPECT_EQ(json("\xE8\x8A"), "\"" + r + "\"");                      // cut off at the end
  EXPECT_EQ(json("\xE8\x8A!"), "\"" + r + "!\"");                    // cut off in the middle
  EXPECT_EQ(json("\xC0\xAF"), "\"" + r + r + "\"");                  // overlong
  EXPECT_EQ(json("\xE0\x80\x80"), "\"" + r + r + r + "\"");          // overlong
  EXPECT_EQ(json("\xED\xA0\x80"), "\"" + r + r + r + "\"");          // a surrogate
  EXPECT_EQ(json("\xF0\x9F\x8C"), "\"" + r + "\"");                  // three of four bytes
  EXPECT_EQ(json("\xF4\x90\x80\x80"), "\"" + r + r + r + r + "\"");  // above U+10FFFF
  EXPECT_EQ(json("\xE8\""), "\"" + r + "\\\"\"");  // a quote does not hide behind it
}

TEST(ReadableText, IsQuotedOnlyWhereItHasTo) {
  EXPECT_EQ(readable("plain-1.5"), "plain-1.5");
  EXPECT_EQ(readable(""), R"("")");
  EXPECT_EQ(readable("two words"), R"("two words")");
  EXPECT_EQ(readable("a=b"), R"("a=b")");
  EXPECT_EQ(readable("say \"x\""), R"("say \"x\"")");
}

TEST(ReadableText, CannotSteerATerminal) {
  EXPECT_EQ(readable("\x1B[31mred"), R"(\u001b[31mred)");
  EXPECT_EQ(readable("\x7F"), R"(\u007f)");
  EXPECT_EQ(readable("\xC2\x9B[31m"), R"(\u009b[31m)");  // CSI of one character
  EXPECT_EQ(readable("one\ntwo"), R"(one\ntwo)");
}

TEST(CutText, NeverEndsWithinACharacter) {
  EXPECT_EQ(cut_utf8("abc", 3), "abc");
  EXPECT_EQ(cut_utf8("abcd", 3), "abc");
  EXPECT_EQ(cut_utf8("a花", 3), "a");
  EXPECT_EQ(cut_utf8("a花", 4), "a花");
  EXPECT_EQ(cut_utf8("🌸", 3), "");
  EXPECT_EQ(clean_utf8("a花花", 5), "a花");
  EXPECT_EQ(clean_utf8("a\xFF", 3), "a");  // no room for the replacement
}

TEST(JsonNumber, IsTheShortestThatReadsBackTheSame) {
  EXPECT_EQ(number(0.1), "0.1");
  EXPECT_EQ(number(125), "125");
  EXPECT_EQ(number(-1e300), "-1e+300");
  EXPECT_EQ(number(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(number(-std::numeric_limits<double>::infinity()), "null");
}

}  // namespace
}  // namespace sluice::telemetry
