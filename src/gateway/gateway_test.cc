#include "gateway/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "gateway/testing_ensemble.h"
#include "telemetry/testing_numbers.h"

namespace sluice::gateway {
namespace {

using namespace gateway::testing;
using ::testing::HasSubstr;

Version version_of(std::string version, CallablePtr callable) {
  return {std::move(version), VersionState::kReady, "", std::move(callable)};
}
ModelSpec model(std::string name) {
  return {.name = name,
          .versions = {version_of("1", std::make_shared<FakeCallable>(name, kInline))}};
}
EnsembleSpec ensemble(std::string name, const std::vector<std::string>& targets) {
  EnsembleSpec spec{.name = std::move(name)};
  for (const std::string& target : targets) spec.members.push_back({target, target});
  return spec;
}

class GatewayTest : public ::testing::Test {
 protected:
  static CallablePtr find(const LocalGateway& local, std::string_view name) {
    const auto found = local.registry().find(name);
    return found ? **found : nullptr;
  }
  ManualClock clock_;
  telemetry::Metrics metrics_;
  telemetry::Instruments instruments_{metrics_};
  ManualExecutor home_, other_;
  Gateway gateway_{clock_, instruments_};
};

TEST_F(GatewayTest, ShowsEachHomeTheNewRegistryWhenThatHomeGetsToIt) {
  LocalGateway& local = gateway_.add_home(home_);
  LocalGateway& other = gateway_.add_home(other_);
  ASSERT_TRUE(gateway_.configure({model("m")}));
  EXPECT_EQ(find(local, "m"), nullptr);
  home_.run_ready();
  EXPECT_NE(find(local, "m"), nullptr);
  EXPECT_EQ(find(other, "m"), nullptr);
  other_.run_ready();
  EXPECT_EQ(find(other, "m"), find(local, "m"));
  EXPECT_EQ(&local.home(), &home_);
}

TEST_F(GatewayTest, GivesAHomeThatComesLaterWhatThereIs) {
  ASSERT_TRUE(gateway_.configure({model("m")}));
  EXPECT_NE(find(gateway_.add_home(home_), "m"), nullptr);
}

TEST_F(GatewayTest, LetsAHomeGoWhileAnUpdateIsOnItsWayThere) {
  LocalGateway& local = gateway_.add_home(home_);
  ASSERT_TRUE(gateway_.configure({model("m")}));
  gateway_.remove_home(local);
  home_.run_ready();
  ASSERT_TRUE(gateway_.configure({model("m")}));
  home_.run_ready();
}

TEST_F(GatewayTest, KeepsTheOrderOfTheConfiguration) {
  ASSERT_TRUE(gateway_.configure({ensemble("both", {"a", "b"}), model("b"), model("a")}));
  std::vector<std::string> names;
  for (const Entry& entry : gateway_.snapshot()->entries()) names.push_back(entry.name);
  EXPECT_EQ(names, (std::vector<std::string>{"both", "b", "a"}));
  EXPECT_EQ(gateway_.snapshot()->entry("both")->kind, CallableKind::kEnsemble);
}

TEST_F(GatewayTest, PutsNewVersionsUnderTheEnsemblesThatStandOnThem) {
  ASSERT_TRUE(gateway_.configure({model("a"), ensemble("e", {"a"}), ensemble("outer", {"e"})}));
  const auto next = std::make_shared<FakeCallable>("a", kInline);
  gateway_.set_versions("a", {version_of("2", next)});
  const RegistryPtr registry = gateway_.snapshot();
  TestSink sink;
  (**registry->find("outer"))->start({.home = &home_}, input_x(), sink);
  EXPECT_EQ(next->starts, 1);
  EXPECT_EQ(sink.results.at(0)->outputs.at(0).name, "e.a.y");
}

TEST_F(GatewayTest, LetsWhoCallsAnOldVersionFinishOnIt) {
  const auto old = std::make_shared<FakeCallable>("a", kRemote);
  LocalGateway& local = gateway_.add_home(home_);
  ASSERT_TRUE(gateway_.configure(
      {ModelSpec{.name = "a", .versions = {version_of("1", old)}}, ensemble("e", {"a"})}));
  home_.run_ready();
  TestSink sink;
  find(local, "e")->start({.home = &home_}, input_x(), sink);
  gateway_.set_versions("a", {});
  home_.run_ready();
  EXPECT_EQ(find(local, "a"), nullptr);
  old->reply(good());
  EXPECT_TRUE(sink.results.at(0));
}

TEST_F(GatewayTest, IgnoresVersionsOfWhatIsNoModel) {
  ASSERT_TRUE(gateway_.configure({model("a"), ensemble("e", {"a"})}));
  const RegistryPtr before = gateway_.snapshot();
  gateway_.set_versions("gone", {});
  gateway_.set_versions("e", {});
  EXPECT_EQ(gateway_.snapshot(), before);
}

TEST_F(GatewayTest, CountsAMissingTargetAsAMemberThatIsDown) {
  ASSERT_TRUE(gateway_.configure(
      {model("a"),
       ModelSpec{.name = "bad", .versions = {{"1", VersionState::kUnavailable, "not ONNX", {}}}},
       ensemble("e", {"a", "bad", "gone"})}));
  const RegistryPtr registry = gateway_.snapshot();
  TestSink sink;
  (**registry->find("e"))->start({.home = &home_}, input_x(), sink);
  const InferResponse& response = sink.results.at(0).value();
  ASSERT_EQ(response.errors.size(), 2U);
  EXPECT_EQ(response.errors[0].error, unavailable("model 'bad' is not ready: not ONNX"));
  EXPECT_EQ(response.errors[1].error, unavailable("there is no 'gone'"));
}

TEST_F(GatewayTest, RefusesCyclesAndKeepsWhatItHad) {
  ASSERT_TRUE(gateway_.configure({model("a")}));
  EXPECT_EQ(gateway_.check({ensemble("e", {"e"})}),
            Result<>(fail(invalid("ensemble 'e' contains itself"))));
  const auto itself = gateway_.configure({ensemble("e", {"e"})});
  ASSERT_FALSE(itself);
  EXPECT_EQ(itself.error(), invalid("ensemble 'e' contains itself"));
  EXPECT_FALSE(
      gateway_.configure({ensemble("x", {"y"}), ensemble("y", {"z"}), ensemble("z", {"x"})}));
  EXPECT_NE(gateway_.snapshot()->entry("a"), nullptr);
  gateway_.set_versions("a", {});
  EXPECT_NE(gateway_.snapshot()->entry("a"), nullptr) << "the old specifications are back too";
}

// e0 stands on m, e1 on e0, and so on: `levels` ensembles; in either order.
std::vector<CallableSpec> tower(int levels, bool top_first) {
  std::vector<CallableSpec> specs{model("m")};
  for (int i = 0; i < levels; ++i) {
    specs.emplace_back(ensemble(formatted("e{}", i), {i == 0 ? "m" : formatted("e{}", i - 1)}));
  }
  if (top_first) std::ranges::reverse(specs);
  return specs;
}

TEST_F(GatewayTest, BuildsEnsemblesAsHighAsACallMayGoAndNoHigher) {
  for (const bool top_first : {false, true}) {
    ASSERT_TRUE(gateway_.configure(tower(kMaxCallDepth, top_first)));
    const RegistryPtr registry = gateway_.snapshot();
    TestSink sink;
    (**registry->find(formatted("e{}", kMaxCallDepth - 1)))
        ->start({.home = &home_}, input_x(), sink);
    EXPECT_TRUE(sink.results.at(0)) << sink.results[0].error().message;
    const auto higher = gateway_.configure(tower(kMaxCallDepth + 1, top_first));
    ASSERT_FALSE(higher);
    EXPECT_EQ(higher.error().code, ErrorCode::kInvalid);
  }
}

TEST_F(GatewayTest, UsesOneEnsembleForAllThatStandOnIt) {
  ASSERT_TRUE(gateway_.configure(
      {model("m"), ensemble("base", {"m"}), ensemble("x", {"base"}), ensemble("y", {"base"})}));
  const RegistryPtr registry = gateway_.snapshot();
  const auto member = [&](std::string_view name) {
    return dynamic_cast<const Ensemble&>(***registry->find(name)).members().at(0).callable;
  };
  EXPECT_EQ(member("x"), **registry->find("base"));
  EXPECT_EQ(member("x"), member("y"));
}

TEST_F(GatewayTest, LoadsAndUnloadsThroughTheModelItself) {
  ModelSpec spec = model("m");
  std::vector<std::string> asked;
  spec.load = [&](const ModelSpec::Done& done) {
    asked.emplace_back("load");
    done({});
  };
  spec.unload = [&](const ModelSpec::Done& done) {
    asked.emplace_back("unload");
    done(fail(ErrorCode::kConflict, "busy"));
  };
  ASSERT_TRUE(gateway_.configure({spec, model("fixed"), ensemble("e", {"m"})}));
  std::vector<Result<>> results;
  const auto done = [&](Result<> result) { results.push_back(std::move(result)); };
  gateway_.load("m", done);
  gateway_.unload("m", done);
  gateway_.load("fixed", done);
  gateway_.unload("e", done);
  gateway_.load("gone", done);
  EXPECT_EQ(asked, (std::vector<std::string>{"load", "unload"}));
  ASSERT_EQ(results.size(), 5U);
  EXPECT_TRUE(results[0]);
  EXPECT_EQ(results[1].error().code, ErrorCode::kConflict);
  EXPECT_EQ(results[2].error(), invalid("'fixed' cannot be loaded or unloaded"));
  EXPECT_EQ(results[3].error(), invalid("'e' cannot be loaded or unloaded"));
  EXPECT_EQ(results[4].error(), not_found("there is no model 'gone'"));
}

TEST_F(GatewayTest, IsReadyWhileItAcceptsAndSomethingCanAnswer) {
  EXPECT_FALSE(gateway_.ready()) << "still starting";
  gateway_.set_accepting(true);
  EXPECT_TRUE(gateway_.ready()) << "nothing is configured, so nothing is missing";
  ModelSpec spec = model("m");
  auto& fake = dynamic_cast<FakeCallable&>(*spec.versions[0].callable);
  ASSERT_TRUE(gateway_.configure({spec}));
  EXPECT_TRUE(gateway_.ready());
  fake.readiness = fail(unavailable("no replica"));
  EXPECT_FALSE(gateway_.ready());
  ASSERT_TRUE(gateway_.configure({spec, model("other")}));
  EXPECT_TRUE(gateway_.ready());
  gateway_.set_accepting(false);
  EXPECT_FALSE(gateway_.ready()) << "going down";
  gateway_.set_accepting(true);
  ASSERT_TRUE(gateway_.configure({ModelSpec{.name = "m"}}));
  EXPECT_FALSE(gateway_.ready()) << "no version is there";
}

TEST_F(GatewayTest, CountsWhatBecameOfEachMember) {
  ASSERT_TRUE(gateway_.configure({model("a"), ensemble("e", {"a", "gone"})}));
  const RegistryPtr registry = gateway_.snapshot();
  TestSink sink;
  (**registry->find("e"))->start({.home = &home_}, input_x(), sink);
  const auto calls = [this](std::string_view member, std::string_view code) {
    return telemetry::testing::number_of(metrics_, "sluice_member_calls_total",
                                         {"e", member, code});
  };
  EXPECT_EQ(calls("a", "ok"), 1);
  EXPECT_EQ(calls("gone", "unavailable"), 1);
  EXPECT_EQ(calls("gone", "ok"), 0);
}

}  // namespace
}  // namespace sluice::gateway
