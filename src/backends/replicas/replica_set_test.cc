#include "backends/replicas/replica_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace sluice::replicas {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr TimePoint kStart{std::chrono::hours(1)};

Members make(std::initializer_list<const char*> names) {
  Members members;
  for (const char* name : names) members.push_back(std::make_shared<Replica>(name));
  return members;
}

void fail_times(ReplicaSet& set, Replica& replica, int times, TimePoint now = kStart) {
  for (int i = 0; i < times; ++i) {
    ReplicaSet::begin(replica);
    set.end(replica, Outcome::kFailure, now);
  }
}

std::map<std::string, int> draw(const Members& members, int times,
                                const Replica* except = nullptr) {
  Random random(7);
  std::map<std::string, int> drawn;
  for (int i = 0; i < times; ++i) {
    const ReplicaPtr chosen = choose(members, random, except);
    ++drawn[chosen ? chosen->name() : "nobody"];
  }
  return drawn;
}

TEST(Choose, SpreadsEvenlyOverEqualsAndSparesTheBusiest) {
  const Members members = make({"a", "b", "c", "d"});
  for (const auto& [name, times] : draw(members, 4000)) EXPECT_NEAR(times, 1000, 150) << name;
  for (int i = 0; i < 5; ++i) ReplicaSet::begin(*members[2]);
  const auto drawn = draw(members, 4000);
  EXPECT_FALSE(drawn.contains("c")) << "of any two, the other one has fewer in flight";
}

TEST(Choose, LeavesOutWhoIsOutAndTheExcepted) {
  ReplicaSet set({});
  set.update(make({"a", "b", "c"}));
  const auto members = set.members();
  fail_times(set, *(*members)[0], 5);
  const auto drawn = draw(*members, 100);
  EXPECT_FALSE(drawn.contains("a"));
  EXPECT_EQ(draw(*members, 100, (*members)[1].get()), (std::map<std::string, int>{{"c", 100}}));
}

TEST(Choose, GivesSomebodyWhoIsOutRatherThanNobody) {
  EXPECT_EQ(draw({}, 1), (std::map<std::string, int>{{"nobody", 1}}));
  const Members one = make({"a"});
  EXPECT_EQ(draw(one, 1, one[0].get()), (std::map<std::string, int>{{"nobody", 1}}));
  ReplicaSet set({});
  set.update(make({"a", "b"}));
  const auto members = set.members();
  fail_times(set, *(*members)[0], 5);
  EXPECT_EQ(draw(*members, 1, (*members)[1].get()), (std::map<std::string, int>{{"a", 1}}));
}

TEST(ReplicaSet, NeverPutsOutTheLastOneNorMoreThanTheShare) {
  ReplicaSet set({.max_share = 0.5});
  set.update(make({"a", "b", "c", "d"}));
  const auto members = set.members();
  for (const ReplicaPtr& replica : *members) fail_times(set, *replica, 20);
  EXPECT_EQ(set.out(), 2U);

  ReplicaSet alone({.max_share = 1.0});
  alone.update(make({"a"}));
  fail_times(alone, *(*alone.members())[0], 100);
  EXPECT_EQ(alone.out(), 0U);
}

TEST(ReplicaSet, KnowsWhenAllFailThoughSomeMayNotBeLeftOut) {
  ReplicaSet set({.base_time = 1s});
  EXPECT_FALSE(set.all_failing()) << "there is none";
  set.update(make({"a", "b"}));
  const ReplicaPtr a = (*set.members())[0];
  const ReplicaPtr b = (*set.members())[1];
  fail_times(set, *a, 5);
  fail_times(set, *b, 4);
  EXPECT_FALSE(set.all_failing());
  fail_times(set, *b, 1);
  EXPECT_TRUE(set.all_failing());
  EXPECT_TRUE(b->is_in());
  ReplicaSet::begin(*b);
  set.end(*b, Outcome::kSuccess, kStart);
  EXPECT_FALSE(set.all_failing()) << "an answer proves it";
  EXPECT_FALSE(a->is_in());
}

TEST(ReplicaSet, ProbesWhatFailsAndMayNotBeLeftOut) {
  ReplicaSet set({.base_time = 1s});
  set.update(make({"a"}));
  const ReplicaPtr a = (*set.members())[0];
  fail_times(set, *a, 5);
  EXPECT_TRUE(a->is_in());
  ASSERT_EQ(set.due_for_probe(kStart + 1s), a);
  set.probe_ended(*a, false, kStart + 1s);
  EXPECT_TRUE(a->is_in());
  EXPECT_TRUE(set.all_failing());
  ASSERT_EQ(set.due_for_probe(kStart + 3s), a);
  set.probe_ended(*a, true, kStart + 3s);
  EXPECT_FALSE(set.all_failing());
}

TEST(ReplicaSet, LeavesOutWhatStillFailsWhenAnotherIsBack) {
  ReplicaSet set({.base_time = 1s});
  set.update(make({"a", "b"}));
  const ReplicaPtr a = (*set.members())[0];
  const ReplicaPtr b = (*set.members())[1];
  fail_times(set, *a, 5);
  fail_times(set, *b, 5);
  ASSERT_EQ(set.due_for_probe(kStart + 1s), a);
  set.probe_ended(*a, true, kStart + 1s);
  EXPECT_TRUE(b->is_in());
  fail_times(set, *b, 1, kStart + 1s);
  EXPECT_FALSE(b->is_in());
  EXPECT_TRUE(a->is_in());
}

TEST(ReplicaSet, OffersAReplicaForOneProbeWhenItsTimeIsOver) {
  ReplicaSet set({.base_time = 1s});
  set.update(make({"a", "b"}));
  const ReplicaPtr a = (*set.members())[0];
  fail_times(set, *a, 5);
  EXPECT_EQ(set.due_for_probe(kStart + 999ms), nullptr);
  ASSERT_EQ(set.due_for_probe(kStart + 1s), a);
  EXPECT_EQ(set.due_for_probe(kStart + 1s), nullptr) << "somebody else has it";
  set.probe_ended(*a, false, kStart + 1s);
  EXPECT_FALSE(a->is_in());
  EXPECT_EQ(set.due_for_probe(kStart + 2s), nullptr);
  ASSERT_EQ(set.due_for_probe(kStart + 3s), a);
  set.probe_ended(*a, true, kStart + 3s);
  EXPECT_TRUE(a->is_in());
  EXPECT_EQ(set.due_for_probe(kStart + 1h), nullptr);
}

TEST(ReplicaSet, DoesNotCountCancelledCallsAndCanBeToldToPutNobodyOut) {
  ReplicaSet set({});
  set.update(make({"a", "b"}));
  const ReplicaPtr a = (*set.members())[0];
  for (int i = 0; i < 100; ++i) {
    ReplicaSet::begin(*a);
    EXPECT_EQ(a->in_flight(), 1U);
    set.end(*a, Outcome::kNeither, kStart);
  }
  EXPECT_EQ(set.out(), 0U);
  ReplicaSet off({.enabled = false});
  off.update(make({"a", "b"}));
  fail_times(off, *(*off.members())[0], 100);
  EXPECT_EQ(off.out(), 0U);
}

TEST(ReplicaSet, KeepsWhatItKnowsOfMembersThatStay) {
  ReplicaSet set({});
  set.update(make({"a", "b", "c"}));
  const auto before = set.members();
  const auto version = set.version();
  fail_times(set, *(*before)[0], 5);
  ReplicaSet::begin(*(*before)[1]);
  set.update(make({"b", "a", "d"}));
  EXPECT_NE(set.version(), version);
  const auto after = set.members();
  EXPECT_EQ((*after)[0], (*before)[1]);
  EXPECT_EQ((*after)[1], (*before)[0]);
  EXPECT_FALSE((*after)[1]->is_in());
  EXPECT_EQ((*after)[0]->in_flight(), 1U);
}

TEST(ReplicaSet, IsNotChangedByAnUpdateThatSaysTheSame) {
  ReplicaSet set({});
  set.update(make({"a", "b"}));
  const auto version = set.version();
  set.update(make({"a", "b"}));
  EXPECT_EQ(set.version(), version);
}

TEST(ReplicaSet, LetsMembersBackInWhenFewerAreLeft) {
  ReplicaSet set({});
  set.update(make({"a", "b", "c"}));
  const auto members = set.members();
  fail_times(set, *(*members)[0], 5);
  fail_times(set, *(*members)[1], 5);
  EXPECT_EQ(set.out(), 2U);
  set.update(make({"a", "b"}));
  EXPECT_EQ(set.out(), 1U);
  set.update(make({"b"}));
  EXPECT_EQ(set.out(), 0U);
  EXPECT_TRUE(set.all_failing()) << "it has proved nothing by that";
}

}  // namespace
}  // namespace sluice::replicas
