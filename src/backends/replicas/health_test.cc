#include "backends/replicas/health.h"

#include <gtest/gtest.h>

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::replicas {
namespace {

using namespace std::chrono_literals;
using State = ReplicaHealth::State;

constexpr TimePoint at(Duration t) {
  return TimePoint(std::chrono::hours(1)) + t;
}

// '.' is a success, 'x' a failure. After how many outcomes should it be put out?
std::optional<std::size_t> out_after(std::string_view outcomes, const EjectionOptions& options) {
  ReplicaHealth health;
  std::uint64_t successes = 0;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i] == '.') {
      ++successes;
    } else if (health.on_failure(std::exchange(successes, 0), at({}), options)) {
      return i + 1;
    }
  }
  return std::nullopt;
}

std::string repeated(std::string_view text, int times) {
  std::string all;
  while (times-- > 0) all += text;
  return all;
}

TEST(ReplicaHealth, IsPutOutForFailuresInARowOrForTooManyOfThem) {
  const EjectionOptions usual;
  const EjectionOptions strict{.consecutive_failures = 1};
  const EjectionOptions by_ratio{.consecutive_failures = 1000, .failure_ratio = 0.5};
  struct Case {
    std::string outcomes;
    EjectionOptions options;
    std::optional<std::size_t> out;
  };
  const Case cases[] = {
      {"xxxxx", usual, 5},
      {"xxxx.xxxx.", usual, std::nullopt},
      {".....xxxxx", usual, 10},
      {"x", strict, 1},
      {repeated("x", 40), by_ratio, 14},
      {repeated(".", 1000) + repeated("x", 40), by_ratio, 1014},  // a long past weighs no more
      {repeated("xx.", 100), by_ratio, 26},                       // two of three fail
      {repeated("x..", 300), usual, std::nullopt},                // one of three fails
  };
  for (const Case& c : cases) EXPECT_EQ(out_after(c.outcomes, c.options), c.out) << c.outcomes;
}

TEST(ReplicaHealth, StaysOutForTwiceAsLongEachTimeUpToABound) {
  const EjectionOptions options{.base_time = 1s, .max_time = 5s};
  ReplicaHealth health;
  TimePoint now = at({});
  health.put_out(now, options);
  for (const Duration wait : {1s, 2s, 4s, 5s, 5s}) {
    EXPECT_EQ(health.state(), State::kOut);
    EXPECT_FALSE(health.probe_due(now + wait - 1ns));
    now += wait;
    ASSERT_TRUE(health.probe_due(now));
    health.on_probe_started();
    EXPECT_FALSE(health.probe_due(now)) << "one probe at a time";
    health.on_probe_ended(false, now, options);
  }
}

TEST(ReplicaHealth, ComesBackWithACleanSlateButIsRememberedForAWhile) {
  const EjectionOptions options{.consecutive_failures = 1, .base_time = 1s, .max_time = 10s};
  ReplicaHealth health;
  health.put_out(at(0s), options);
  health.on_probe_started();
  health.on_probe_ended(true, at(1s), options);
  EXPECT_EQ(health.state(), State::kIn);
  EXPECT_EQ(health.failure_ratio(), 0.0);
  // It fails again soon: twice as long.
  ASSERT_TRUE(health.on_failure(3, at(5s), options));
  health.put_out(at(5s), options);
  EXPECT_EQ(health.out_until(), at(7s));
  health.on_probe_started();
  health.on_probe_ended(true, at(7s), options);
  // It was good for max_time: as if for the first time.
  ASSERT_TRUE(health.on_failure(3, at(17s), options));
  health.put_out(at(17s), options);
  EXPECT_EQ(health.out_until(), at(18s));
}

TEST(ReplicaHealth, CountsFailuresOfCallsThatWereUnderWayWhenItWasPutOutButOnce) {
  const EjectionOptions options{.consecutive_failures = 1};
  ReplicaHealth health;
  ASSERT_TRUE(health.on_failure(0, at({}), options));
  health.put_out(at({}), options);
  EXPECT_FALSE(health.on_failure(0, at({}), options));
}

// Waits in vain, each with its end, for answers whose median is 100 ms. Which of them count?
struct Wait {
  Duration waited;
  Duration until;
  std::uint64_t successes_before = 0;
};
std::vector<bool> counted(const std::vector<Wait>& waits) {
  ReplicaHealth health;
  std::vector<bool> counts;
  for (const Wait& w : waits) {
    counts.push_back(health.timeout_counts(w.successes_before, w.waited, 100ms, at(w.until)));
    if (counts.back()) health.on_failure(0, at(w.until), {});
  }
  return counts;
}

TEST(ReplicaHealth, HoldsATimeoutAgainstAReplicaThatHadMuchLongerThanAnswersTake) {
  EXPECT_EQ(counted({{1s, 1s}, {999ms, 2s}}), (std::vector{true, false}));
  ReplicaHealth fresh;
  EXPECT_TRUE(fresh.timeout_counts(0, 5ms, 0ms, at({}))) << "it never answered anything";
}

TEST(ReplicaHealth, AddsUpTheSilenceOfCallsThatFollowOneAnother) {
  EXPECT_EQ(counted({{500ms, 1s}, {500ms, 2s}, {500ms, 3s}, {500ms, 4s}}),
            (std::vector{false, true, false, true}));
  EXPECT_EQ(counted({{500ms, 1s}, {500ms, 2s, 1}, {500ms, 3s}}), (std::vector{false, false, true}))
      << "an answer in between breaks it";
}

TEST(ReplicaHealth, CountsTheSilenceOfCallsAtTheSameTimeOnce) {
  const std::vector<Wait> together(100, Wait{500ms, 1s});
  EXPECT_EQ(counted(together), std::vector(100, false));
  EXPECT_EQ(counted({{800ms, 1s}, {800ms, 1100ms}, {800ms, 1200ms}}),
            (std::vector{false, false, true}));
}

TEST(ReplicaHealth, HoldsNothingAgainstAReplicaWhoseCallersAreInAHurry) {
  std::vector<Wait> waits;
  for (int i = 1; i <= 100; ++i) waits.push_back({199ms, i * 1s});
  EXPECT_EQ(counted(waits), std::vector(100, false));
}

TEST(MostOut, IsAShareRoundedUpAndNeverAll) {
  struct Case {
    std::size_t replicas;
    double share;
    std::size_t most;
  };
  const Case cases[] = {{0, 0.5, 0}, {1, 1.0, 0}, {2, 0.5, 1}, {3, 0.5, 2},  {4, 0.5, 2},
                        {5, 0.1, 1}, {5, 0.0, 0}, {3, 1.0, 2}, {10, 0.33, 4}};
  for (const Case& c : cases) {
    EXPECT_EQ(most_out(c.replicas, c.share), c.most) << c.replicas << " x " << c.share;
  }
}

}  // namespace
}  // namespace sluice::replicas
