#include "runtime/timer_queue.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "runtime/manual_executor.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

TEST(TimerQueue, GivesOutTasksInOrderOfTimeAndThenOfArrival) {
  TimerQueue queue;
  std::string order;
  const TimePoint t0{1h};
  queue.add(t0 + 2ms, [&] { order += 'c'; });
  queue.add(t0 + 1ms, [&] { order += 'a'; });
  queue.add(t0 + 1ms, [&] { order += 'b'; });
  EXPECT_EQ(queue.next(), t0 + 1ms);
  EXPECT_FALSE(queue.take_due(t0).has_value());
  while (auto task = queue.take_due(t0 + 5ms)) (*task)();
  EXPECT_EQ(order, "abc");
  EXPECT_FALSE(queue.next().has_value());
}

TEST(TimerQueue, AgreesWithASortedListWhateverIsCancelled) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Random random(seed);
    TimerQueue queue;
    std::vector<std::pair<TimePoint, TimerId>> live;
    std::vector<TimerId> ran;
    for (int i = 0; i < 500; ++i) {
      const TimePoint at{std::chrono::milliseconds(random.below(100))};
      auto id = std::make_shared<TimerId>(0);
      *id = queue.add(at, [&ran, id] { ran.push_back(*id); });
      live.emplace_back(at, *id);
      if (random.below(2) == 0) {
        const auto victim = random.below(live.size());
        queue.cancel(live[victim].second);
        live.erase(live.begin() + static_cast<std::ptrdiff_t>(victim));
      }
    }
    std::ranges::sort(live);
    while (auto task = queue.take_due(TimePoint(1h))) (*task)();
    ASSERT_EQ(ran.size(), live.size()) << "seed " << seed;
    for (std::size_t i = 0; i < ran.size(); ++i) ASSERT_EQ(ran[i], live[i].second);
  }
}

TEST(ManualExecutor, MovesThroughEachTimerOnTheWay) {
  ManualExecutor executor;
  const TimePoint start = executor.now();
  std::vector<Duration> at;
  executor.run_at(start + 5ms, [&] { at.push_back(executor.now() - start); });
  executor.run_at(start + 1ms, [&] {
    executor.run_at(executor.now() + 1ms, [&] { at.push_back(executor.now() - start); });
  });
  executor.advance(10ms);
  EXPECT_EQ(at, (std::vector<Duration>{2ms, 5ms}));
  EXPECT_EQ(executor.now() - start, 10ms);
}

}  // namespace
}  // namespace sluice
