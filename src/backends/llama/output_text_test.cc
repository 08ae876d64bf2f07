#include "backends/llama/output_text.h"

#include <gtest/gtest.h>

namespace sluice::llama {
namespace {

std::string told(OutputText& text, const std::vector<std::string>& pieces) {
  std::string all;
  for (const std::string& piece : pieces) {
    all += text.push(piece);
    all += '|';
  }
  all += text.finish();
  return all;
}

TEST(OutputText, TellsEachPieceAtOnceWhenNothingStops) {
  OutputText text;
  EXPECT_EQ(told(text, {"The", " answer", "."}), "The| answer|.|");
  EXPECT_FALSE(text.stopped());
}

TEST(OutputText, NeverSplitsACharacter) {
  OutputText text;
  EXPECT_EQ(told(text, {"a\xE6", "\x97", "\xA5z"}), "a||\xE6\x97\xA5z|");
}

TEST(OutputText, ReplacesACharacterThatNeverBecameWhole) {
  OutputText text;
  EXPECT_EQ(told(text, {"a\xF0\x9F"}), "a|\xEF\xBF\xBD");
  EXPECT_EQ(text.text(), "a\xEF\xBF\xBD");
}

TEST(OutputText, EndsBeforeAStopTextAcrossPieces) {
  OutputText text({"</s>"});
  EXPECT_EQ(told(text, {"yes<", "/s", "> and more", "x"}), "yes||||");
  EXPECT_TRUE(text.stopped());
  EXPECT_EQ(text.text(), "yes");
}

TEST(OutputText, TellsWhatLookedLikeAStopTextAndWasNone) {
  OutputText text({"</s>"});
  EXPECT_EQ(told(text, {"a<", "/b", "<"}), "a|</b||<");
  EXPECT_FALSE(text.stopped());
}

TEST(OutputText, TheEarliestOfSeveralStopTextsCounts) {
  OutputText text({"END", "\n"});
  EXPECT_EQ(told(text, {"one\ntwo END"}), "one|");
}

TEST(OutputText, AStopTextMayRepeatItsOwnBeginning) {
  OutputText text({"aab"});
  EXPECT_EQ(told(text, {"a", "a", "a", "b", "c"}), "||a|||");
  EXPECT_EQ(text.text(), "a");
}

TEST(OutputText, EveryWayToCutATextIntoPiecesTellsTheSame) {
  const std::string whole = "x\xE2\x82\xACyST\xC3\xA9 STOP rest";
  for (std::size_t first = 0; first <= whole.size(); ++first) {
    for (std::size_t second = first; second <= whole.size(); ++second) {
      OutputText text({"STOP", "nothing"});
      std::string all(text.push(whole.substr(0, first)));
      all += text.push(whole.substr(first, second - first));
      all += text.push(whole.substr(second));
      all += text.finish();
      EXPECT_EQ(all, "x\xE2\x82\xACyST\xC3\xA9 ") << first << ' ' << second;
    }
  }
}

TEST(OutputText, FindsHowMuchOfACharacterIsThere) {
  EXPECT_EQ(unfinished_utf8(""), 0U);
  EXPECT_EQ(unfinished_utf8("abc"), 0U);
  EXPECT_EQ(unfinished_utf8("\xC3"), 1U);
  EXPECT_EQ(unfinished_utf8("\xE2\x82"), 2U);
  EXPECT_EQ(unfinished_utf8("\xF0\x9F\x98"), 3U);
  EXPECT_EQ(unfinished_utf8("\xF0\x9F\x98\x80"), 0U);
  EXPECT_EQ(unfinished_utf8("\x80\x80\x80\x80"), 0U) << "continuations of nothing";
  EXPECT_EQ(unfinished_utf8("\xFF"), 0U);
}

}  // namespace
}  // namespace sluice::llama
