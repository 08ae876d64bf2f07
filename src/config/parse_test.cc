#include "config/parse.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/format.h"

namespace sluice::config {
namespace {

struct Parsed {
  std::optional<Node> node;
  std::string problems;
};

Parsed run(std::string_view text) {
  Problems problems;
  auto node = parse(text, "dir/s.yaml", Surroundings::none(), problems);
  return {std::move(node), problems.to_string()};
}

TEST(Parse, KeepsTheTreeAndItsPlaces) {
  const auto [node, problems] = run("a: 1\nb:\n  - x\n  - {c: 'y', d: ~}\ne:\n");
  ASSERT_TRUE(node) << problems;
  EXPECT_EQ(problems, "");
  ASSERT_TRUE(node->is_mapping());
  EXPECT_EQ(node->size(), 3U);
  const Node y = *node->find("b")->at(1).find("c");
  EXPECT_EQ(y.text(), "y");
  EXPECT_TRUE(y.is_quoted());
  EXPECT_EQ(y.path(), "b[1].c");
  EXPECT_EQ(y.location(), (Location{"dir/s.yaml", 4, 9}));
  EXPECT_EQ(y.key_location(), (Location{"dir/s.yaml", 4, 6}));
  EXPECT_EQ(y.folder(), "dir");
  EXPECT_TRUE(node->find("b")->at(1).find("d")->is_null());
  EXPECT_TRUE(node->find("e")->is_null());
  EXPECT_FALSE(node->find("f"));
  EXPECT_EQ(node->near("f").path(), "");
  EXPECT_EQ(node->near("a").path(), "a");
  EXPECT_FALSE(node->find("a")->find("x"));
}

TEST(Parse, TakesAnEmptyTextForAnEmptyMapping) {
  for (const std::string_view text : {"", "\n", "# nothing\n", "---\n", "~\n"}) {
    const auto [node, problems] = run(text);
    ASSERT_TRUE(node) << text;
    EXPECT_TRUE(node->is_mapping()) << text;
    EXPECT_EQ(node->size(), 0U);
    EXPECT_EQ(problems, "");
  }
}

TEST(Parse, ReadsBlocksQuotesAndComments) {
  const auto [node, problems] =
      run("t: |\n  one\n  two\nf: >-\n  a\n  b\nq: \"x\\n\\u00e9\"  # why\n's p': 'it''s'\n");
  ASSERT_TRUE(node) << problems;
  EXPECT_EQ(node->find("t")->text(), "one\ntwo\n");
  EXPECT_EQ(node->find("f")->text(), "a b");
  EXPECT_EQ(node->find("q")->text(), "x\n\xc3\xa9");
  EXPECT_EQ(node->find("s p")->text(), "it's");
}

TEST(Parse, SubstitutesInValuesAndNotInKeys) {
  const auto [node, problems] = run("${K}: \"${PORT:-8000}\"\nx: [\"${A:-b}\"]\n");
  ASSERT_TRUE(node) << problems;
  const Node port = *node->find("${K}");
  EXPECT_EQ(port.text(), "8000");
  EXPECT_FALSE(port.is_quoted());
  EXPECT_EQ(port.describe_value(), "the value of '${PORT:-8000}'");
  EXPECT_EQ(node->find("x")->at(0).text(), "b");
}

TEST(Parse, RefusesWithThePlace) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"a: 1\na: 2\n", "dir/s.yaml:2:1: the key 'a' stands here a second time"},
      {"a: {b: 1, c: 2, b: 3}\n", "dir/s.yaml:1:17: the key 'b' stands here a second time"},
      {"a: &x 1\n", "dir/s.yaml:1:4: anchors (&name) are not understood"},
      {"a: &x {b: 1}\n", "dir/s.yaml:1:4: anchors (&name) are not understood"},
      {"a: &x 1\nb: *x\n", "dir/s.yaml:2:4: aliases (*name) are not understood"},
      {"a: !!int 1\n", "dir/s.yaml:1:4: tags (!name) are not understood"},
      {"a: !x {b: 1}\n", "dir/s.yaml:1:4: tags (!name) are not understood"},
      {"? {a: 1}\n: 2\n", "a key must be a plain text"},
      {"~: 1\n", "dir/s.yaml:1:1: a key must be a plain text"},
      {"'': 1\n", "dir/s.yaml:1:1: a key has 1 to 256 bytes"},
      {"a: 1\n---\nb: 2\n", "dir/s.yaml:2:1: a second document starts here"},
      {"a: 1\n---\nb: {\n", "dir/s.yaml:2:1: a second document starts here"},
      {"a: 1\n---\n[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "a second document starts here"},
      {"a: [1\n", "not well formed"},
      {"a: 'x\n", "not well formed"},
      {"a: b: c\n", "dir/s.yaml:1:5: the YAML is not well formed"},
      {"\ta: 1\n", "not well formed"},
      {"a: *nothing\n", "not well formed"},
      {"a: 1\nb: \xff\n", "dir/s.yaml:2:4: the file is not UTF-8 text"},
      {"a: ${NOT_SET}\n", "dir/s.yaml:1:4: the environment variable NOT_SET is not set"},
  };
  for (const auto& [text, part] : cases) {
    const auto [node, problems] = run(text);
    EXPECT_NE(problems.find(part), std::string::npos) << text << " -> " << problems;
  }
}

TEST(Parse, ReportsEveryFaultThatLeavesTheRestReadable) {
  const auto [node, problems] = run("a: ${X}\nb: &y 1\nc: !z 2\na: 3\nd: ${Y}\n");
  EXPECT_TRUE(node);
  EXPECT_EQ(std::ranges::count(problems, '\n'), 4) << problems;
}

TEST(Parse, TheSecondOfTwoKeysHangsNowhere) {
  const auto [node, problems] = run("a: 1\na: {b: [2]}\nc: 3\n");
  ASSERT_TRUE(node);
  EXPECT_EQ(node->size(), 2U);
  EXPECT_EQ(node->find("a")->text(), "1");
}

TEST(Parse, BoundsTheDepth) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_TRUE(run(nested(kMaxDepth)).node);
  const auto [node, problems] = run(nested(kMaxDepth + 1));
  EXPECT_FALSE(node);
  EXPECT_NE(problems.find("nested deeper than 32"), std::string::npos) << problems;
  EXPECT_FALSE(run(std::string(10000, '[')).node);
  EXPECT_FALSE(run(std::string(10000, '{')).node);
}

TEST(Parse, BoundsTheFile) {
  std::string text = "a: " + std::string(kMaxFileBytes - 3, 'x');
  EXPECT_TRUE(run("#" + std::string(kMaxFileBytes - 1, 'x')).node);
  EXPECT_FALSE(run(text + "x").node);
  EXPECT_NE(run(text + "x").problems.find("longer than 1048576 bytes"), std::string::npos);
}

TEST(Parse, BoundsTheNumberOfValues) {
  std::string text = "[";
  for (std::size_t i = 0; i < kMaxNodes; ++i) text += "1,";
  const auto [node, problems] = run(text + "]");
  EXPECT_FALSE(node);
  EXPECT_NE(problems.find("more than 100000 values"), std::string::npos) << problems;
}

TEST(Parse, BoundsKeys) {
  EXPECT_TRUE(run(std::string(kMaxKeyBytes, 'k') + ": 1\n").node);
  EXPECT_FALSE(run(std::string(kMaxKeyBytes + 1, 'k') + ": 1\n").node);
}

TEST(Parse, BoundsAllValuesTogether) {
  const Surroundings large{
      [](const std::string&) { return std::string(kMaxSubstitutedBytes, 'v'); },
      Surroundings::none().file};
  std::string text;
  for (int i = 0; i < 65; ++i) text += formatted("k{}: ${{V}}\n", i);
  Problems problems;
  EXPECT_FALSE(parse(text, "s.yaml", large, problems));
  EXPECT_NE(problems.to_string().find("all values together"), std::string::npos);
}

TEST(Parse, StopsALaughThatGrows) {
  // Each line would be ten times the one before.
  std::string text = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 9; ++i) {
    text += formatted("a{0}: &a{0} [*a{1}, *a{1}, *a{1}, *a{1}, *a{1}]\n", i, i - 1);
  }
  const auto [node, problems] = run(text);
  EXPECT_NE(problems.find("aliases"), std::string::npos);
}

TEST(Parse, SaysWhenTheFileCannotBeRead) {
  Problems problems;
  EXPECT_FALSE(parse_file("x/none.yaml", Surroundings::none(), problems));
  EXPECT_EQ(problems.to_string(), "x/none.yaml: cannot read the file: there is no such file");
}

TEST(Node, MadeByDefaultIsNullAndNowhere) {
  const Node node;
  EXPECT_TRUE(node.is_null());
  EXPECT_EQ(node.size(), 0U);
  EXPECT_EQ(node.text(), "");
  EXPECT_EQ(node.key(), "");
  EXPECT_EQ(node.path(), "");
  EXPECT_EQ(node.folder(), "");
  EXPECT_EQ(node.location(), Location{});
  EXPECT_EQ(node.key_location(), Location{});
  EXPECT_FALSE(node.is_quoted());
  EXPECT_EQ(node.describe_value(), "nothing");
}

TEST(Node, QuotesOnlyTheBeginningOfALongValue) {
  const auto [node, problems] = run("a: \"" + std::string(59, 'x') + "\xc3\xa9yz\"\n");
  ASSERT_TRUE(node);
  EXPECT_EQ(node->find("a")->describe_value(), "the text \"" + std::string(59, 'x') + "...\"");
}

}  // namespace
}  // namespace sluice::config
