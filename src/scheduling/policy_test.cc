#include "scheduling/policy.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::scheduling {
namespace {

using std::chrono::seconds;

struct TurnCase {
  const char* what;
  Occupancy now;
  Turn turn;
};

// Two slots, one of them reserved, unless said otherwise.
Occupancy two(std::size_t high, std::size_t low, bool high_waits, bool low_waits, bool due) {
  return {.slots = 2,
          .best_effort_slots = 1,
          .realtime_held = high,
          .best_effort_held = low,
          .realtime_waits = high_waits,
          .best_effort_waits = low_waits,
          .share_due = due};
}
Occupancy full(Occupancy now) {
  now.preemption = Preemption::kFull;
  return now;
}

Occupancy one_for_realtime(Occupancy now) {
  now.realtime_slots = 1;
  return now;
}

TEST(SlotPolicy, SaysWhoseTurnItIs) {
  const TurnCase cases[] = {
      {"nobody waits", two(0, 0, false, false, false), Turn::kNobody},
      {"all is taken", two(1, 1, true, true, true), Turn::kNobody},
      {"realtime goes first", two(0, 0, true, true, false), Turn::kRealtime},
      {"the reserved slot is realtime's even when a share is due", two(0, 1, true, true, true),
       Turn::kRealtime},
      {"a reserved slot that is free goes before the share", two(0, 0, true, true, true),
       Turn::kRealtime},
      {"beyond the reserved slots realtime goes first as well", two(1, 0, true, true, false),
       Turn::kRealtime},
      {"unless best effort's share is due", two(1, 0, true, true, true), Turn::kShare},
      {"best effort gets what is not reserved", two(0, 0, false, true, false), Turn::kBestEffort},
      {"and no more", two(0, 1, false, true, true), Turn::kNobody},
      {"realtime gets all that is free", two(1, 0, true, false, false), Turn::kRealtime},
      {"best effort runs beside realtime", two(1, 0, false, true, false), Turn::kBestEffort},
      {"preempted, best effort has slots of its own", full(two(2, 0, true, true, false)),
       Turn::kBestEffort},
      {"which are bounded", full(two(0, 1, false, true, false)), Turn::kNobody},
      {"realtime does not wait for what can be paused", full(two(1, 1, true, true, false)),
       Turn::kRealtime},
      {"but is held back while the share is due", full(two(0, 1, true, true, true)), Turn::kNobody},
      {"which gives best effort its turn for the share", full(two(0, 0, true, true, true)),
       Turn::kShare},
      {"a slot of an engine for best effort is not realtime's",
       one_for_realtime(two(1, 0, true, true, false)), Turn::kBestEffort},
      {"realtime has no more than its slots", full(two(2, 1, true, false, false)), Turn::kNobody},
  };
  for (const TurnCase& one : cases) {
    EXPECT_EQ(static_cast<int>(next_turn(one.now)), static_cast<int>(one.turn)) << one.what;
  }
}

struct Line {
  TenantShares tenants;
  std::vector<Waiter> waiters;
  TimePoint now{seconds(1000)};

  // One that has waited so long; to be called in the order of arrival.
  void add(const char* tenant, int waited_s) {
    waiters.push_back({.ticket = waiters.size(),
                       .arrived = now - seconds(waited_s),
                       .deadline = {},
                       .tenant = tenants.enter(tenant),
                       .work = 1});
  }
  [[nodiscard]] std::size_t choose(bool newest_first, bool share) const {
    return scheduling::choose(waiters, tenants,
                              {.now = now,
                               .newest_first = newest_first,
                               .share = share,
                               .ageing_after = seconds(60),
                               .promote_after = seconds(120)});
  }
};

struct ChoiceCase {
  const char* what;
  std::vector<std::pair<const char*, int>> line;  // tenant, seconds waited
  const char* got_work;                           // the tenant that got some before
  bool newest_first;
  bool share;
  std::size_t chosen;
};

TEST(SlotPolicy, ChoosesWhoGetsTheSlot) {
  const ChoiceCase cases[] = {
      {"fifo: the oldest", {{"a", 9}, {"a", 5}, {"a", 1}}, "", false, false, 0},
      {"lifo: the newest", {{"a", 9}, {"a", 5}, {"a", 1}}, "", true, false, 2},
      {"lifo: one that has aged goes first", {{"a", 61}, {"a", 5}, {"a", 1}}, "", true, false, 0},
      {"lifo: of several that have aged the oldest",
       {{"a", 90}, {"a", 70}, {"a", 1}},
       "",
       true,
       false,
       0},
      {"lifo: the share goes to the oldest", {{"a", 9}, {"a", 5}, {"a", 1}}, "", true, true, 0},
      {"tenants: who got least goes first", {{"a", 9}, {"b", 5}, {"a", 1}}, "a", false, false, 1},
      {"tenants: with equal parts the oldest", {{"a", 9}, {"b", 5}, {"a", 1}}, "", false, false, 0},
      {"tenants: lifo among those of the one that got least",
       {{"a", 9}, {"b", 8}, {"b", 5}, {"a", 1}},
       "a",
       true,
       false,
       2},
      {"tenants: ageing changes the order within one",
       {{"a", 90}, {"b", 70}, {"b", 5}},
       "a",
       true,
       false,
       1},
      {"tenants: the share as well is given to who got least",
       {{"a", 90}, {"b", 70}, {"b", 5}},
       "a",
       false,
       true,
       1},
      {"share: a promoted call goes before all, whose it may be",
       {{"a", 120}, {"b", 119}, {"b", 5}},
       "a",
       true,
       true,
       0},
      {"promotion gives the share and nothing else", {{"a", 120}, {"b", 5}}, "a", false, false, 1},
  };
  for (const ChoiceCase& one : cases) {
    Line line;
    for (const auto& [tenant, waited] : one.line) line.add(tenant, waited);
    if (*one.got_work != '\0') {
      const TenantIndex tenant = line.tenants.enter(one.got_work);
      line.tenants.start(tenant, 5, true);
    }
    EXPECT_EQ(line.choose(one.newest_first, one.share), one.chosen) << one.what;
  }
}

}  // namespace
}  // namespace sluice::scheduling
