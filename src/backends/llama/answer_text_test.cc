#include "backends/llama/answer_text.h"

#include <gtest/gtest.h>

namespace sluice::llama {
namespace {

TokenLogprob of(std::string token) {
  return {.token = std::move(token), .logprob = -1};
}

// What a stream was told.
struct Told {
  std::string text;
  std::string reasoning;
  std::vector<std::string> tokens;  // of which there were logprobs

  void add(const std::vector<TextPart>& parts) {
    for (const TextPart& part : parts) {
      (part.reasoning ? reasoning : text) += part.text;
      for (const TokenLogprob& token : part.logprobs) tokens.push_back(token.token);
    }
  }
};

std::vector<std::string> tokens_of(const Choice& choice) {
  std::vector<std::string> tokens;
  for (const TokenLogprob& token : choice.logprobs) tokens.push_back(token.token);
  return tokens;
}

struct Case {
  std::vector<std::string> stop;
  std::vector<std::string> pieces;
  std::string text;
  std::vector<std::string> tokens;  // with logprobs
};

// An answer by itself, and the same as a stream.
void expect(const Case& c) {
  for (const bool stream : {true, false}) {
    AnswerText answer(c.stop, {}, stream);
    Told told;
    for (const std::string& piece : c.pieces) {
      if (!answer.stopped()) told.add(answer.push(piece, of(piece)));
    }
    told.add(answer.finish());
    const Choice choice = answer.take();
    EXPECT_EQ(choice.text, c.text);
    EXPECT_EQ(tokens_of(choice), c.tokens);
    EXPECT_EQ(told.text, stream ? c.text : "");
    std::vector<std::string> streamed = stream ? c.tokens : std::vector<std::string>();
    std::erase(streamed, "");  // one without a text at the end has nothing to come with
    EXPECT_EQ(told.tokens, streamed);
  }
}

TEST(AnswerText, TellsTheLogprobsOfEveryTokenWhereNothingStopsIt) {
  expect({{}, {"a", "b"}, "ab", {"a", "b"}});
  expect({{"never"}, {"a ne", "v", "b"}, "a nevb", {"a ne", "v", "b"}});
  expect({{}, {"\xe2\x82", "\xac", ""}, "\u20ac", {"\xe2\x82", "\xac", ""}});
}

TEST(AnswerText, TellsNoLogprobsOfTokensWhoseTextIsAStopText) {
  expect({{"\n\n"}, {"a", "\n", "\n", "b"}, "a", {"a"}});
  expect({{"cd"}, {"ab", "c", "d"}, "ab", {"ab"}});
  expect({{"bcd"}, {"ab", "cd"}, "a", {"ab"}});  // told in part
  expect({{"a"}, {"a"}, "", {}});
}

TEST(AnswerText, KeepsLogprobsUntilTheStreamHasATextToSendThemWith) {
  const ReadAnswer read = [](const std::string& text, bool whole) {
    return Choice{.text = whole || text.size() >= 2 ? text : ""};
  };
  AnswerText answer({}, read, true);
  EXPECT_TRUE(answer.push("a", of("a")).empty());
  const auto parts = answer.push("b", of("b"));
  ASSERT_EQ(parts.size(), 1);
  EXPECT_EQ(parts[0].text, "ab");
  EXPECT_EQ(parts[0].logprobs.size(), 2);
}

// What stands before a bar is thought.
Choice think(const std::string& text, bool /*whole*/) {
  const std::size_t bar = text.find('|');
  if (bar == std::string::npos) return {.text = {}, .reasoning = text};
  return {.text = text.substr(bar + 1), .reasoning = text.substr(0, bar)};
}

TEST(AnswerText, TellsThoughtsApart) {
  for (const bool stream : {true, false}) {
    AnswerText answer({}, think, stream);
    Told told;
    for (const char* piece : {"h", "m|4", "2"}) told.add(answer.push(piece, {}));
    told.add(answer.finish());
    const Choice choice = answer.take();
    EXPECT_EQ(choice.reasoning, "hm");
    EXPECT_EQ(choice.text, "42");
    EXPECT_EQ(told.reasoning, stream ? "hm" : "");
    EXPECT_EQ(told.text, stream ? "42" : "");
  }
}

TEST(AnswerText, TellsNothingThatDoesNotGoOnFromWhatWasTold) {
  // The last word of the reader contradicts its first.
  const ReadAnswer read = [](const std::string&, bool whole) {
    return Choice{.text = whole ? "other" : "one"};
  };
  AnswerText answer({}, read, true);
  Told told;
  told.add(answer.push("x", {}));
  told.add(answer.finish());
  EXPECT_EQ(told.text, "one");
  EXPECT_EQ(answer.take().text, "other");
}

}  // namespace
}  // namespace sluice::llama
