// What is said of a struct as a whole where some of it did not read.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/format.h"
#include "config/config.h"
#include "config/testing_options.h"

namespace sluice::config {
namespace {

using testing::Root;

std::string problems_of(std::string_view text) {
  Problems problems;
  const auto node = parse(text, "s.yaml", Surroundings::none(), problems);
  if (node) read<Root>(*node, problems);
  return problems.to_string();
}

TEST(Validate, ChecksAStructAsAWholeWhereOtherFieldsDidNotRead) {
  for (const std::string_view more : {"zzz: 1", "port: x", "proxies: [a, '']", "weights: 5"}) {
    const std::string problems =
        problems_of(formatted("version: 1\nlisteners: [{{tls: required, {}}}]\n", more));
    EXPECT_NE(problems.find("TLS needs a certificate"), std::string::npos) << problems;
  }
}

TEST(Validate, DoesNotCheckDefaultsInPlaceOfWhatDidNotRead) {
  for (const std::string_view certificate :
       {"[]", "${GONE}", "\"\\0\"", "a.pem, certificate: ''"}) {
    const std::string problems = problems_of(
        formatted("version: 1\nlisteners: [{{tls: required, certificate: {}}}]\n", certificate));
    EXPECT_NE(problems, "");
    EXPECT_EQ(problems.find("TLS needs a certificate"), std::string::npos) << problems;
  }
}

TEST(Validate, KnowsTheInnermostValuesThatDidNotRead) {
  Problems problems;
  const auto node = parse(R"(
listeners: [{port: x, proxies: [a, '']}, 5, {address: a}]
callables: {a: {model: {backend: odd}}, b: {model: {}}, c: {}, d: {ensemble: {members: []}}}
)",
                          "s.yaml", Surroundings::none(), problems);
  read<Root>(*node, problems);
  const Node listeners = *node->find("listeners");
  const Node callables = *node->find("callables");
  const auto within = [&](std::string_view name, std::string_view what) {
    return *callables.find(name)->find(what);
  };
  EXPECT_TRUE(problems.were_read(*node, {"listeners", "callables", "ratio"}));
  EXPECT_FALSE(problems.were_read(*node, {"listeners", "version"})) << "it is required";
  EXPECT_TRUE(problems.were_read(listeners.at(0), {"proxies", "address"}));
  EXPECT_FALSE(problems.were_read(listeners.at(0), {"address", "port"}));
  EXPECT_FALSE(problems.were_read(within("a", "model"), {"backend"}));
  EXPECT_FALSE(problems.were_read(within("b", "model"), {"backend"}));
  EXPECT_FALSE(problems.were_read(callables, {"c"}));
  EXPECT_FALSE(problems.were_read(within("d", "ensemble"), {"members"}));
  EXPECT_FALSE(problems.was_read_whole(*node));
  EXPECT_FALSE(problems.was_read_whole(listeners.at(0)));
  EXPECT_FALSE(problems.was_read_whole(*listeners.at(0).find("proxies")));
  EXPECT_FALSE(problems.was_read_whole(listeners.at(1)));
  EXPECT_TRUE(problems.was_read_whole(listeners.at(2)));
}

}  // namespace
}  // namespace sluice::config
