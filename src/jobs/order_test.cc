#include "jobs/order.h"

#include <gtest/gtest.h>

#include <array>

namespace sluice::jobs {
namespace {

using enum Priority;

TEST(PriorityWheel, SharesTurnsSixToThreeToOne) {
  PriorityWheel wheel;
  std::array<int, kPriorityCount> turns{};
  for (int i = 0; i < 1000; ++i) ++turns[static_cast<std::size_t>(*wheel.next({true, true, true}))];
  EXPECT_EQ(turns, (std::array<int, kPriorityCount>{600, 300, 100}));
}

TEST(PriorityWheel, NeverKeepsLowWaitingForMoreThanTenTurns) {
  PriorityWheel wheel;
  int waited = 0;
  for (int i = 0; i < 1000; ++i) {
    waited = *wheel.next({true, true, true}) == kLow ? 0 : waited + 1;
    ASSERT_LT(waited, 10);
  }
}

TEST(PriorityWheel, GivesTheTurnOfAnEmptyQueueToTheOthers) {
  PriorityWheel wheel;
  std::array<int, kPriorityCount> turns{};
  for (int i = 0; i < 400; ++i) ++turns[static_cast<std::size_t>(*wheel.next({false, true, true}))];
  EXPECT_EQ(turns, (std::array<int, kPriorityCount>{0, 300, 100}));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(wheel.next({false, false, true}), kLow);
  EXPECT_EQ(wheel.next({false, false, false}), std::nullopt);
}

}  // namespace
}  // namespace sluice::jobs
