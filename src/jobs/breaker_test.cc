#include "jobs/breaker.h"

#include <gtest/gtest.h>

namespace sluice::jobs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kNow{std::chrono::hours(1)};

TEST(Breaker, LetsEverythingThroughWhileAllIsWell) {
  Breaker breaker;
  breaker.started();
  EXPECT_EQ(breaker.allows(7, kNow), 7U);
}

TEST(Breaker, LetsOneThroughAfterAWhileToSee) {
  Breaker breaker;
  breaker.failed(kNow, 0);
  EXPECT_EQ(breaker.allows(7, kNow), 0U);
  const TimePoint later = breaker.retry_at();
  EXPECT_EQ(later, kNow + milliseconds(250));
  EXPECT_EQ(breaker.allows(7, later), 1U);
  breaker.started();
  EXPECT_EQ(breaker.allows(7, later), 0U) << "one is enough to see";
  breaker.succeeded();
  EXPECT_EQ(breaker.allows(7, later), 7U);
}

TEST(Breaker, WaitsTwiceAsLongEachTimeUpToABound) {
  Breaker breaker;
  TimePoint now = kNow;
  for (const int wait : {250, 500, 1000, 2000, 4000, 8000, 10000, 10000}) {
    breaker.failed(now, 0);
    EXPECT_EQ(breaker.retry_at() - now, milliseconds(wait));
    now = breaker.retry_at();
    breaker.started();
  }
}

TEST(Breaker, CountsCallsThatFailedTogetherAsOneOutage) {
  Breaker breaker;
  for (int i = 0; i < 20; ++i) breaker.failed(kNow, 0);
  EXPECT_EQ(breaker.retry_at(), kNow + milliseconds(250));
}

TEST(Breaker, ComesBackBetweenHalfAndTheWholeOfTheTime) {
  Breaker breaker;
  breaker.failed(kNow, 0.999);
  EXPECT_GE(breaker.retry_at() - kNow, milliseconds(125));
  EXPECT_LT(breaker.retry_at() - kNow, milliseconds(130));
}

TEST(Breaker, TriesAgainWhenTheProbeSaidNothing) {
  Breaker breaker;
  breaker.failed(kNow, 0);
  const TimePoint later = kNow + seconds(1);
  breaker.started();
  breaker.undecided();
  EXPECT_EQ(breaker.allows(7, later), 1U);
}

}  // namespace
}  // namespace sluice::jobs
