#include "runtime/handover.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace sluice {
namespace {

TEST(Handover, GivesInTheOrderOfGiving) {
  Handover<std::unique_ptr<int>> handover;
  EXPECT_TRUE(handover.empty());
  EXPECT_TRUE(handover.take().empty());
  for (int i = 0; i < 3; ++i) handover.give(std::make_unique<int>(i));
  EXPECT_FALSE(handover.empty());
  const auto all = handover.take();
  ASSERT_EQ(all.size(), 3U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(*all[static_cast<std::size_t>(i)], i);
  EXPECT_TRUE(handover.empty());
}

TEST(Handover, LetsGoOfWhatNobodyTook) {
  const auto value = std::make_shared<int>(1);
  {
    Handover<std::shared_ptr<int>> handover;
    handover.give(value);
    EXPECT_EQ(value.use_count(), 2);
  }
  EXPECT_EQ(value.use_count(), 1);
}

TEST(Handover, LosesNothingOfManyThreadsAndKeepsTheOrderOfEach) {
  constexpr int kThreads = 4;
  constexpr int kEach = 20'000;
  Handover<std::pair<int, int>> handover;
  std::vector<std::jthread> givers;
  for (int thread = 0; thread < kThreads; ++thread) {
    givers.emplace_back([&, thread] {
      for (int i = 0; i < kEach; ++i) handover.give({thread, i});
    });
  }
  std::vector<int> next(kThreads, 0);
  for (int taken = 0; taken < kThreads * kEach;) {
    for (const auto& [thread, i] : handover.take()) {
      ASSERT_EQ(i, next[static_cast<std::size_t>(thread)]++);
      ++taken;
    }
  }
}

}  // namespace
}  // namespace sluice
