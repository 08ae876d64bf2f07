#include "gateway/nesting.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "base/format.h"

namespace sluice::gateway {
namespace {

// Each member is named after its target.
EnsembleSpec ensemble(std::string name, const std::vector<std::string>& targets) {
  EnsembleSpec spec{.name = std::move(name)};
  for (const std::string& target : targets) spec.members.push_back({target, target});
  return spec;
}

// e0 stands on a model, e1 on e0, and so on.
std::vector<EnsembleSpec> tower(int levels) {
  std::vector<EnsembleSpec> specs;
  for (int i = 0; i < levels; ++i) {
    specs.push_back(ensemble(formatted("e{}", i), {formatted("e{}", i - 1)}));
  }
  return specs;
}

TEST(Nesting, FindsEveryCircleOnceAndWhereItCloses) {
  struct Case {
    std::vector<EnsembleSpec> ensembles;
    std::vector<NestingFault> faults;
  };
  const Case cases[] = {
      {{}, {}},
      {{ensemble("a", {"m", "gone"}), ensemble("b", {"a", "a", "m"}), ensemble("c", {"b", "a"})},
       {}},
      {{ensemble("a", {"m", "a"})}, {{"a", "a", "ensemble 'a' contains itself"}}},
      {{ensemble("a", {"b"}), ensemble("b", {"c"}), ensemble("c", {"a"})},
       {{"c", "a", "ensemble 'a' contains itself by way of 'c'"}}},
      // Two of them, and one that stands on the first.
      {{ensemble("top", {"a"}), ensemble("a", {"a"}), ensemble("x", {"y"}), ensemble("y", {"x"})},
       {{"a", "a", "ensemble 'a' contains itself"},
        {"y", "x", "ensemble 'x' contains itself by way of 'y'"}}},
  };
  for (const Case& c : cases) EXPECT_EQ(nesting_faults(c.ensembles), c.faults);
}

TEST(Nesting, FindsWhereATowerBecomesTooHigh) {
  EXPECT_TRUE(nesting_faults(tower(kMaxCallDepth)).empty());
  const std::vector<NestingFault> expected{
      {"e8", "e7", "'e8' stands on 8 ensembles, one on the other; 7 at most"}};
  auto higher = tower(kMaxCallDepth + 3);
  EXPECT_EQ(nesting_faults(higher), expected);
  std::ranges::reverse(higher);
  EXPECT_EQ(nesting_faults(higher), expected);
}

TEST(Nesting, MeasuresNoCircle) {
  auto circle = tower(kMaxCallDepth + 3);
  circle[0].members[0] = {"last", circle.back().name};
  EXPECT_EQ(nesting_faults(circle).size(), 1U);
}

}  // namespace
}  // namespace sluice::gateway
