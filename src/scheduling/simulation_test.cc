// What slots promise, over thousands of random histories: options, loads, cancellations, errors and
// callers that vanish just as they get a slot. A history is repeated by its seed:
//
//   SLUICE_SEED=1234 sluice_scheduling_test --gtest_filter='*SlotSimulation*'
//
// testing_witness.cc says what must hold. That it would notice is shown with policies that are
// wrong in the ways in which those before us were.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "base/testing_seeds.h"
#include "scheduling/testing_world.h"

namespace sluice::scheduling::testing {
namespace {

using sluice::testing::kSeeds;
// So that several processes share them.
constexpr std::uint64_t kParts = 8;
constexpr int kCalls = 200;

class SlotSimulation : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(SlotSimulation, KeepsItsPromises) {
  const auto run = [](std::uint64_t seed) {
    const auto violation = World(seed).run(kCalls);
    ASSERT_FALSE(violation) << *violation << "; repeat it with SLUICE_SEED=" << seed;
  };
  if (const char* chosen = std::getenv("SLUICE_SEED")) {
    const std::uint64_t seed = std::strtoull(chosen, nullptr, 10);
    if (seed % kParts == GetParam()) run(seed);
    return;
  }
  for (std::uint64_t seed = GetParam(); seed < kSeeds && !HasFatalFailure(); seed += kParts) {
    run(seed);
  }
}

INSTANTIATE_TEST_SUITE_P(Parts, SlotSimulation, ::testing::Range(std::uint64_t{0}, kParts));

// Seven times as many are played.
constexpr std::uint64_t kWitnessed = std::min<std::uint64_t>(300, kSeeds / 10);

// How many of some histories show that something is wrong.
template <class Wrong>
std::uint64_t found_by(const Wrong& world_of) {
  std::uint64_t found = 0;
  for (std::uint64_t seed = 0; seed < kWitnessed; ++seed) {
    if (world_of(seed)->run(kCalls)) ++found;
  }
  return found;
}
std::uint64_t found_with(const SlotPolicy& policy) {
  return found_by([&](std::uint64_t seed) { return std::make_unique<World>(seed, policy); });
}

struct LifoDefeatsPromotion final : SlotPolicy {
  [[nodiscard]] std::size_t choose(std::span<const Waiter> waiters, const TenantShares& tenants,
                                   const Choosing& how) const override {
    Choosing without = how;
    without.ageing_after = without.promote_after = Duration::max();
    if (how.newest_first) without.share = false;
    return scheduling::choose(waiters, tenants, without);
  }
};
struct RealtimeAlwaysFirst final : SlotPolicy {
  [[nodiscard]] Turn next_turn(const Occupancy& now) const override {
    Occupancy without = now;
    without.share_due = false;
    return scheduling::next_turn(without);
  }
};
struct NothingIsReserved final : SlotPolicy {
  [[nodiscard]] Turn next_turn(const Occupancy& now) const override {
    Occupancy without = now;
    without.best_effort_slots = now.slots;
    return scheduling::next_turn(without);
  }
};
struct WhoAsksMostGetsMost final : SlotPolicy {
  [[nodiscard]] std::size_t choose(std::span<const Waiter> waiters, const TenantShares&,
                                   const Choosing& how) const override {
    return how.newest_first ? waiters.size() - 1 : 0;
  }
};
struct BestEffortFirst final : SlotPolicy {
  [[nodiscard]] Turn next_turn(const Occupancy& now) const override {
    Occupancy with = now;
    with.share_due = now.best_effort_waits || now.best_effort_held > 0;
    return scheduling::next_turn(with);
  }
};

// The slot of a call that was cancelled between getting it and beginning is not given back.
class LosesASlotAtWake final : public World {
 public:
  using World::World;

 protected:
  void give_back_at_wake(TicketId) override {}
};

TEST(SlotWitness, FindsWhatIsWrong) {
  constexpr std::uint64_t kFew = kWitnessed / 30;
  EXPECT_EQ(found_with(SlotPolicy()), 0U);
  EXPECT_GT(found_with(LifoDefeatsPromotion()), kFew);
  EXPECT_GT(found_with(RealtimeAlwaysFirst()), kFew);
  EXPECT_GT(found_with(NothingIsReserved()), kFew);
  EXPECT_GT(found_with(WhoAsksMostGetsMost()), kFew);
  EXPECT_GT(found_with(BestEffortFirst()), kFew);
  EXPECT_GT(found_by([](std::uint64_t seed) { return std::make_unique<LosesASlotAtWake>(seed); }),
            kFew);
}

}  // namespace
}  // namespace sluice::scheduling::testing
