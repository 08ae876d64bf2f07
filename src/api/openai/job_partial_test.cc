#include "api/openai/job_partial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/json/reader.h"

namespace sluice::api::openai {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Part said(std::string text, std::uint32_t choice = 0) {
  return {.choice = choice, .text = std::move(text), .logprobs = {}};
}
bool is_json(const std::string& text) {
  json::Reader reader;
  return reader.parse_copy(text).has_value();
}

TEST(OpenAiJobPartial, HasTheTextSoFarInTheFormOfItsApi) {
  struct Case {
    PartialShape shape;
    std::uint32_t choices;
    std::string json;
  };
  const Case cases[] = {
      {PartialShape::kChat, 1,
       R"({"choices":[{"index":0,"message":{"role":"assistant","content":"one \"two\""}}]})"},
      {PartialShape::kCompletion, 1, R"({"choices":[{"index":0,"text":"one \"two\""}]})"},
      {PartialShape::kCompletion, 2,
       R"({"choices":[{"index":0,"text":"one \"two\""},{"index":1,"text":""}]})"},
  };
  for (const Case& c : cases) {
    const auto partial = make_partial_text(c.shape, {.choices = c.choices});
    partial->add(said("one"));
    partial->add(said(" \"two\""));
    EXPECT_EQ(partial->so_far().partial, c.json);
    EXPECT_EQ(partial->so_far().partial, c.json) << "looking changes nothing";
  }
}

TEST(OpenAiJobPartial, TellsHowFarItIsWhereTheTokensAreBounded) {
  const auto bounded = make_partial_text(PartialShape::kChat, {.max_tokens = 8, .choices = 2});
  for (int i = 0; i < 4; ++i) bounded->add(said("x", i % 2));
  EXPECT_EQ(bounded->so_far().share, 0.25);
  for (int i = 0; i < 20; ++i) bounded->add(said("more"));
  EXPECT_EQ(bounded->so_far().share, 1.0) << "never more than all";
  const auto unbounded = make_partial_text(PartialShape::kChat, {});
  unbounded->add(said("x"));
  EXPECT_EQ(unbounded->so_far().share, std::nullopt);
}

TEST(OpenAiJobPartial, KeepsTheEndOfATextThatIsTooLong) {
  const auto partial = make_partial_text(PartialShape::kCompletion, {});
  const std::size_t pieces = 40'000;
  for (std::size_t i = 0; i < pieces; ++i) partial->add(said("äöü "));
  partial->add(said("the end"));
  const std::string json = *partial->so_far().partial;
  EXPECT_LE(json.size(), sluice::jobs::kMaxPartialBytes);
  EXPECT_GT(json.size(), sluice::jobs::kMaxPartialBytes - 200);
  EXPECT_THAT(json, HasSubstr("äöü the end\""));
  EXPECT_TRUE(is_json(json));
  json::Reader reader;
  const auto choice = (*reader.parse_copy(json))["choices"].at(0);
  std::size_t shown = 0;
  for (const char c : std::string_view(choice["text"])) {
    if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) ++shown;
  }
  EXPECT_EQ(std::uint64_t(choice["skipped"]) + shown, pieces * 4 + 7);
}

TEST(OpenAiJobPartial, StaysWithinItsBoundWhateverTheTextIs) {
  for (const std::uint32_t choices : {1U, kMaxChoices}) {
    for (const char* piece : {"\x01", "\"", "\n", "plain", "\xF0\x9F\x98\x80"}) {
      const auto partial = make_partial_text(PartialShape::kChat, {.choices = choices});
      for (std::uint32_t i = 0; i < 60'000; ++i) partial->add(said(piece, i % choices));
      const std::string json = *partial->so_far().partial;
      EXPECT_LE(json.size(), sluice::jobs::kMaxPartialBytes) << piece;
      EXPECT_TRUE(is_json(json)) << piece;
    }
  }
}

TEST(OpenAiJobPartial, LeavesNothingOutOfAShortText) {
  const auto partial = make_partial_text(PartialShape::kChat, {});
  partial->add(said("short"));
  EXPECT_THAT(*partial->so_far().partial, Not(HasSubstr("skipped")));
}

}  // namespace
}  // namespace sluice::api::openai
