#include "api/generation/face.h"

#include <gtest/gtest.h>

#include "gateway/testing_mount.h"
#include "inference/testing_callable.h"

namespace sluice::api::generation {
namespace {

using gateway::testing::MountBench;

CallablePtr taking(std::string name, RequestKind kind) {
  auto made = std::make_shared<sluice::testing::FakeCallable>(std::move(name));
  made->description.takes = kind;
  return made;
}

class GenerationFaceTest : public ::testing::Test {
 protected:
  void serve(std::vector<std::pair<std::string, RequestKind>> models) {
    std::vector<gateway::CallableSpec> specs;
    for (auto& [name, kind] : models) specs.push_back(MountBench::model(name, taking(name, kind)));
    bench_.configure(std::move(specs));
  }
  std::string found(std::string_view model, std::string target = {},
                    const Principal* principal = nullptr) {
    const gateway::Mount mount = bench_.mount("", std::move(target));
    const auto callable = Face("test", mount).find(model, RequestKind::kGenerate, principal);
    return callable ? (**callable)->describe().name : std::string(to_string(callable.error().code));
  }
  MountBench bench_;
};

TEST_F(GenerationFaceTest, FindsModelsByNameAndAsTheLatest) {
  serve({{"a", RequestKind::kGenerate}, {"b", RequestKind::kGenerate}, {"e", RequestKind::kEmbed}});
  EXPECT_EQ(found("a"), "a");
  EXPECT_EQ(found("b:latest"), "b");
  EXPECT_EQ(found("c"), "not_found");
  EXPECT_EQ(found(""), "invalid");
  EXPECT_EQ(found("", "b"), "b");
}

TEST_F(GenerationFaceTest, TakesTheOnlyOneOfItsKindForWhoNamesNone) {
  serve({{"x", RequestKind::kInfer}, {"a", RequestKind::kGenerate}, {"e", RequestKind::kEmbed}});
  EXPECT_EQ(found(""), "a");
}

TEST_F(GenerationFaceTest, TellsAKeyNothingOfWhatItMayNotCall) {
  serve({{"a", RequestKind::kGenerate}, {"b", RequestKind::kGenerate}});
  Principal principal;
  principal.scopes.callables = {"b"};
  for (const std::string_view name : {"a", "a:latest", "gone", "gone:latest"}) {
    EXPECT_EQ(found(name, {}, &principal), "forbidden") << name;
  }
  EXPECT_EQ(found("b:latest", {}, &principal), "b");
  // The only one that it may call, though there are two.
  EXPECT_EQ(found("", {}, &principal), "b");
  EXPECT_EQ(found("", "a", &principal), "forbidden");
}

TEST_F(GenerationFaceTest, ListsWhatTakesTextAndMayBeCalled) {
  serve({{"x", RequestKind::kInfer}, {"a", RequestKind::kGenerate}, {"e", RequestKind::kEmbed}});
  const gateway::Mount mount = bench_.mount("", "");
  const Face face("test", mount);
  EXPECT_EQ(face.served(nullptr).size(), 2);
  Principal principal;
  principal.scopes.callables = {"e*"};
  const auto some = face.served(&principal);
  ASSERT_EQ(some.size(), 1);
  EXPECT_EQ(some[0]->describe().name, "e");
}

}  // namespace
}  // namespace sluice::api::generation
