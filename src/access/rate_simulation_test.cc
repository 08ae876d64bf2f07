// The bucket against what it stands for: any window of any length sees at most what was saved up
// and what came in meanwhile; and a caller that keeps to the rate is never refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "access/rate.h"
#include "base/random.h"
#include "base/testing_seeds.h"

namespace sluice::access {
namespace {

constexpr std::uint64_t kSeeds = std::min<std::uint64_t>(500, sluice::testing::kSeeds);

struct History {
  Rate rate;
  std::vector<TimePoint> granted;
};

// Bursts, pauses and steady calls, as the seed has it.
History run(std::uint64_t seed) {
  Random random(seed);
  History made;
  made.rate.count = 1 + random.below(50);
  made.rate.period = std::chrono::milliseconds(1 + random.below(120'000));
  TimePoint now{std::chrono::hours(1)};
  TimePoint full_at;
  for (int i = 0; i < 400; ++i) {
    const std::uint64_t kind = random.below(10);
    if (kind == 0) {
      now += Duration(random.below(static_cast<std::uint64_t>(3 * made.rate.period.count())));
    } else if (kind < 6) {
      now += Duration(random.below(static_cast<std::uint64_t>(2 * made.rate.interval().count())));
    }
    const Taken taken = take(made.rate, full_at, now);
    if (taken.granted) made.granted.push_back(now);
    // What it says is what then happens.
    EXPECT_LE(taken.left, made.rate.count) << "seed " << seed;
    TimePoint later = full_at;
    EXPECT_EQ(take(made.rate, later, now).granted, taken.left > 0) << "seed " << seed;
    if (taken.left == 0) {
      later = full_at;
      EXPECT_FALSE(take(made.rate, later, now + taken.next_in - Duration(1)).granted)
          << "seed " << seed;
      EXPECT_TRUE(take(made.rate, later, now + taken.next_in).granted) << "seed " << seed;
    }
  }
  return made;
}

TEST(RateSimulation, NoWindowSeesMoreThanTheRateAllows) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const History made = run(seed);
    for (std::size_t first = 0; first < made.granted.size(); ++first) {
      for (std::size_t last = first; last < made.granted.size(); ++last) {
        const Duration window = made.granted[last] - made.granted[first];
        const auto came = static_cast<std::uint64_t>(window / made.rate.interval());
        ASSERT_LE(last - first + 1, made.rate.count + came) << "seed " << seed;
      }
    }
  }
}

TEST(RateSimulation, WhoKeepsToTheRateIsNeverRefused) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    Random random(seed);
    const Rate rate{1 + random.below(100), std::chrono::milliseconds(1 + random.below(60'000))};
    TimePoint now{std::chrono::hours(1)};
    TimePoint full_at;
    for (int i = 0; i < 300; ++i) {
      ASSERT_TRUE(take(rate, full_at, now).granted) << "seed " << seed;
      now += rate.interval() + Duration(random.below(1000));
    }
  }
}

}  // namespace
}  // namespace sluice::access
