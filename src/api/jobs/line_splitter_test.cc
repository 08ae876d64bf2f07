#include "api/jobs/line_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/format.h"

namespace sluice::api::jobs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> split(std::string_view text, std::size_t step, std::size_t longest = 100) {
  std::vector<std::string> lines;
  LineSplitter splitter(longest);
  const auto line = [&](std::uint32_t number, std::string_view one, bool too_long) {
    lines.push_back(formatted("{}:{}{}", number, one, too_long ? "!" : ""));
  };
  for (std::size_t at = 0; at < text.size(); at += step) splitter.feed(text.substr(at, step), line);
  splitter.finish(line);
  return lines;
}

TEST(LineSplitter, GivesTheSameLinesHoweverTheyCome) {
  for (const std::size_t step : {1, 2, 3, 100}) {
    EXPECT_THAT(split("ab\ncd\r\ne", step), ElementsAre("1:ab", "2:cd", "3:e")) << step;
    EXPECT_THAT(split("ab\n", step), ElementsAre("1:ab")) << step;
    EXPECT_THAT(split("\n \r\nx\n\n", step), ElementsAre("3:x")) << step;
    EXPECT_THAT(split("abcdef\ngh\n", step, 3), ElementsAre("1:abc!", "2:gh")) << step;
    EXPECT_THAT(split("abc\nabcd", step, 3), ElementsAre("1:abc", "2:abc!")) << step;
  }
  EXPECT_THAT(split("", 1), IsEmpty());
}

}  // namespace
}  // namespace sluice::api::jobs
