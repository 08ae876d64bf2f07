#include "gateway/registry.h"

#include <gtest/gtest.h>

#include "inference/testing_callable.h"

namespace sluice::gateway {
namespace {

using sluice::testing::FakeCallable;

Version ready(std::string version) {
  return {std::move(version), VersionState::kReady, "", std::make_shared<FakeCallable>("m")};
}

TEST(Registry, FindsTheLatestVersionThatIsReady) {
  const Registry registry({{"m",
                            CallableKind::kModel,
                            {ready("1"), ready("2"), {"3", VersionState::kLoading, "", nullptr}}}});
  const auto found = registry.find("m");
  ASSERT_TRUE(found);
  EXPECT_EQ(**found, registry.entry("m")->versions[1].callable);
  EXPECT_EQ(**registry.find("m", "1"), registry.entry("m")->versions[0].callable);
}

TEST(Registry, SaysWhyThereIsNothingToCall) {
  const Registry registry({
      {"m", CallableKind::kModel, {ready("1"), {"2", VersionState::kUnavailable, "no disk", {}}}},
      {"broken", CallableKind::kModel, {{"1", VersionState::kUnavailable, "not ONNX", {}}}},
      {"silent", CallableKind::kModel, {{"1", VersionState::kLoading, "", {}}}},
      {"empty", CallableKind::kModel, {}},
  });
  struct Case {
    std::string_view name, version;
    ErrorCode code;
    std::string message;
  };
  const std::vector<Case> cases{
      {"x", "", ErrorCode::kNotFound, "there is no model 'x'"},
      {"m", "7", ErrorCode::kNotFound, "model 'm' has no version '7'"},
      {"m", "2", ErrorCode::kUnavailable, "version 2 of model 'm' is not ready: no disk"},
      {"broken", "", ErrorCode::kUnavailable, "model 'broken' is not ready: not ONNX"},
      {"silent", "", ErrorCode::kUnavailable, "model 'silent' is not ready: it is not loaded"},
      {"empty", "", ErrorCode::kUnavailable, "model 'empty' is not ready: it is not loaded"},
  };
  for (const Case& c : cases) {
    const auto found = registry.find(c.name, c.version);
    ASSERT_FALSE(found) << c.message;
    EXPECT_EQ(found.error().code, c.code);
    EXPECT_EQ(found.error().message, c.message);
  }
}

TEST(Registry, KeepsTheOrderOfTheConfiguration) {
  const Registry registry({{"b", CallableKind::kModel, {}}, {"a", CallableKind::kEnsemble, {}}});
  EXPECT_EQ(registry.entries()[0].name, "b");
  EXPECT_EQ(registry.entries()[1].name, "a");
  EXPECT_EQ(registry.entry("c"), nullptr);
}

TEST(Registry, NamesStatesAsTheOpenInferenceProtocolDoes) {
  EXPECT_EQ(to_string(VersionState::kLoading), "LOADING");
  EXPECT_EQ(to_string(VersionState::kReady), "READY");
  EXPECT_EQ(to_string(VersionState::kUnavailable), "UNAVAILABLE");
}

}  // namespace
}  // namespace sluice::gateway
