#include "inference/principal.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Principal, MayCallWhatItsScopesName) {
  struct Case {
    std::vector<std::string> callables;
    std::string callable;
    bool may;
  };
  for (const Case& c : std::vector<Case>{{{}, "iris", false},
                                         {{"iris"}, "iris", true},
                                         {{"iris"}, "iris_2", false},
                                         {{"iris"}, "iri", false},
                                         {{"setosa", "iris"}, "iris", true},
                                         {{"iris*"}, "iris_2", true},
                                         {{"iris*"}, "iris", true},
                                         {{"iris*"}, "setosa", false},
                                         {{"*"}, "anything", true},
                                         {{""}, "iris", false}}) {
    EXPECT_EQ(Scopes{.callables = c.callables}.may_call(c.callable), c.may) << c.callable;
  }
}

TEST(Principal, IsToldWhichScopeIsMissing) {
  const Principal principal{.name = "ci", .scopes = {.callables = {"iris"}, .jobs = true}};
  EXPECT_TRUE(check_scope(&principal, Scope::kOpen));
  EXPECT_TRUE(check_scope(&principal, Scope::kAny));
  EXPECT_TRUE(check_scope(&principal, Scope::kCall));
  EXPECT_TRUE(check_scope(&principal, Scope::kJobs));
  EXPECT_EQ(check_scope(&principal, Scope::kAdmin).error(),
            (Error{ErrorCode::kForbidden,
                   "this needs the scope admin, which the key 'ci' does not have"}));
  EXPECT_EQ(check_scope(&principal, Scope::kWork).error().message,
            "this needs the scope work, which the key 'ci' does not have");
  EXPECT_TRUE(check_callable(&principal, "iris"));
  EXPECT_EQ(check_callable(&principal, "setosa").error().message,
            "this needs the scope callables=setosa, which the key 'ci' does not have");
  const Principal nothing{.name = "n"};
  EXPECT_EQ(check_scope(&nothing, Scope::kCall).error().message,
            "this needs the scope callables, which the key 'n' does not have");
}

TEST(Principal, ThatIsNobodyHasBeenLetInOnPurpose) {
  EXPECT_TRUE(check_scope(nullptr, Scope::kAdmin));
  EXPECT_TRUE(check_callable(nullptr, "iris"));
}

TEST(Principal, KeepsCallsAtOrBelowItsCeiling) {
  using enum ServiceClass;
  const Principal free{};
  const Principal low{.ceiling = kBestEffort};
  EXPECT_EQ(class_for(&free, kRealtime), kRealtime);
  EXPECT_EQ(class_for(&free, kBestEffort), kBestEffort);
  EXPECT_EQ(class_for(&low, kRealtime), kBestEffort);
  EXPECT_EQ(class_for(nullptr, kRealtime), kRealtime);
}

TEST(Principal, GivesItsTenantToItsCallsInPlaceOfAnAddress) {
  const Principal principal{.tenant = "team"};
  EXPECT_EQ(tenant_for(&principal, "192.0.2.1"), "team");
  EXPECT_EQ(tenant_for(nullptr, "192.0.2.1"), "192.0.2.1");
}

}  // namespace
}  // namespace sluice
