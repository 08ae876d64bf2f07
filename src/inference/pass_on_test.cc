#include "inference/pass_on.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::Pair;
using testing::StartsWith;

std::vector<std::pair<std::string, std::string>> told(const Call& call) {
  Random random(1);
  std::vector<std::pair<std::string, std::string>> all;
  pass_on(call, random,
          [&](std::string_view name, std::string_view value) { all.emplace_back(name, value); });
  return all;
}

constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(PassOn, TellsTheNextServerTraceAndRequest) {
  const auto all = told({.request_id = "abc", .traceparent = kParent, .tracestate = "vendor=1"});
  EXPECT_THAT(all,
              ElementsAre(Pair("traceparent", StartsWith("00-0af7651916cd43dd8448eb211c80319c-")),
                          Pair("tracestate", "vendor=1"), Pair("x-request-id", "abc")));
  EXPECT_NE(all[0].second, kParent) << "the call's own span was given to the one that it makes";
}

TEST(PassOn, LeavesOutWhatTheCallDoesNotHave) {
  EXPECT_THAT(told({}), ElementsAre());
  EXPECT_THAT(told({.request_id = "abc"}), ElementsAre(Pair("x-request-id", "abc")));
  // The state belongs to a trace.
  EXPECT_THAT(told({.traceparent = "none", .tracestate = "vendor=1"}), ElementsAre());
}

}  // namespace
}  // namespace sluice
