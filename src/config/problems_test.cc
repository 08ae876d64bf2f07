#include "config/problems.h"

#include <gtest/gtest.h>

#include <array>

namespace sluice::config {
namespace {

TEST(Problems, ListThemInTheOrderOfTheFile) {
  Problems problems;
  EXPECT_TRUE(problems.empty());
  problems.add(Problem{{"s.yaml", 7, 1}, "b", "second"});
  problems.add(Location{"s.yaml", 3, 9}, "first");
  problems.add(Location{"s.yaml", 0, 0}, "the whole");
  EXPECT_EQ(problems.count(), 3U);
  EXPECT_EQ(problems.to_string(), "s.yaml: the whole\ns.yaml:3:9: first\ns.yaml:7:1: b: second");
  EXPECT_EQ(problems.to_error().code, ErrorCode::kInvalid);
  EXPECT_EQ(problems.to_error().message, problems.to_string());
}

TEST(Problems, CountThoseBeyondTheBound) {
  Problems problems;
  for (std::size_t i = 0; i < kMaxProblems + 5; ++i) problems.add(Location{"s", 1, 1}, "x");
  EXPECT_TRUE(problems.is_full());
  EXPECT_EQ(problems.list().size(), kMaxProblems);
  EXPECT_EQ(problems.count(), kMaxProblems + 5);
  EXPECT_TRUE(problems.to_string().ends_with("\nand 5 more"));
}

TEST(Nearest, GuessesWhatWasMeant) {
  constexpr std::array<std::string_view, 5> kKnown{"listeners", "callables", "version", "port",
                                                   "a"};
  const std::pair<std::string_view, std::optional<std::string_view>> cases[] = {
      {"listener", "listeners"},
      {"lisetners", "listeners"},
      {"versoin", "version"},
      {"callabels", "callables"},
      {"Port", "port"},
      {"prot", "port"},
      {"ports", "port"},
      {"zzz", std::nullopt},
      {"", std::nullopt},
      {"b", std::nullopt},
      {"telemetry", std::nullopt},
      {std::string_view(), std::nullopt},
  };
  for (const auto& [name, meant] : cases) EXPECT_EQ(nearest(name, kKnown), meant) << name;
  EXPECT_EQ(nearest(std::string(65, 'x'), kKnown), std::nullopt);
  EXPECT_EQ(nearest("x", {}), std::nullopt);
}

TEST(AnyOf, ReadsAsASentence) {
  constexpr std::array<std::string_view, 3> kWords{"a", "b", "c"};
  EXPECT_EQ(any_of({}), "");
  EXPECT_EQ(any_of(std::span(kWords).first(1)), "a");
  EXPECT_EQ(any_of(std::span(kWords).first(2)), "a or b");
  EXPECT_EQ(any_of(kWords), "a, b or c");
}

}  // namespace
}  // namespace sluice::config
