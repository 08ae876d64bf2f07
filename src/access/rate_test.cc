#include "access/rate.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "access/address_buckets.h"
#include "access/address_limits.h"

namespace sluice::access {
namespace {

using namespace std::chrono_literals;
constexpr TimePoint kNow{1h};

TEST(Rate, IsReadAndWritten) {
  struct Case {
    std::string text;
    std::uint64_t count;
    Duration period;
    std::string written;
  };
  for (const Case& c : std::vector<Case>{{"100/1m", 100, 1min, "100/1m"},
                                         {"100/m", 100, 1min, "100/1m"},
                                         {"5/s", 5, 1s, "5/1s"},
                                         {"1000/24h", 1000, 24h, "1000/24h"},
                                         {"1/500ms", 1, 500ms, "1/500ms"},
                                         {"1/31d", 1, 31 * 24h, "1/31d"}}) {
    const auto rate = parse_rate(c.text);
    ASSERT_TRUE(rate) << c.text;
    EXPECT_EQ(*rate, (Rate{c.count, c.period})) << c.text;
    EXPECT_EQ(to_string(*rate), c.written);
  }
  for (const char* wrong : {"", "100", "/1m", "0/1m", "-1/1m", "1.5/1m", "100/", "100/x", "100/0s",
                            "1/32d", "10/1ns", "100 /1m", "99999999999999999999/1m", "1/1m/2"}) {
    EXPECT_FALSE(parse_rate(wrong)) << wrong;
  }
}

TEST(Take, GivesAllOfABucketAtOnceThenOneAnInterval) {
  const Rate rate{3, 60s};
  TimePoint full_at;
  for (const std::uint64_t left : {2U, 1U, 0U}) {
    const Taken taken = take(rate, full_at, kNow);
    EXPECT_TRUE(taken.granted);
    EXPECT_EQ(taken.left, left);
    EXPECT_EQ(taken.full_in, 20s * (3 - left));
  }
  const Taken refused = take(rate, full_at, kNow);
  EXPECT_FALSE(refused.granted);
  EXPECT_EQ(refused.left, 0U);
  EXPECT_EQ(refused.next_in, 20s);
  EXPECT_EQ(refused.full_in, 60s);
  EXPECT_FALSE(take(rate, full_at, kNow + 20s - 1ns).granted);
  EXPECT_TRUE(take(rate, full_at, kNow + 20s).granted);
  EXPECT_FALSE(take(rate, full_at, kNow + 20s).granted);
  EXPECT_EQ(take(rate, full_at, kNow + 1h).left, 2U) << "never more than the bucket holds";
}

TEST(Take, HoldsTheNumberWhereItDoesNotDivideThePeriod) {
  const Rate rate{7, 1s};
  TimePoint full_at;
  for (int i = 0; i < 7; ++i) EXPECT_TRUE(take(rate, full_at, kNow).granted) << i;
  EXPECT_FALSE(take(rate, full_at, kNow).granted);
}

TEST(Bucket, GivesNoMoreToManyThreads) {
  const Rate rate{1000, 24h};
  Bucket bucket;
  std::atomic<int> granted = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 1000; ++k) granted += bucket.take(rate, kNow).granted ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(granted, 1000);
}

TEST(AddressBuckets, KeepOneForEachAddress) {
  AddressBuckets buckets({1, 1min}, 1000);
  EXPECT_TRUE(buckets.take(1, kNow).granted);
  EXPECT_FALSE(buckets.take(1, kNow).granted);
  EXPECT_TRUE(buckets.take(2, kNow).granted);
  EXPECT_TRUE(buckets.take(1, kNow + 1min).granted);
}

TEST(AddressBuckets, ForgetTheIdlestAtTheBound) {
  constexpr std::size_t kMost = 160;
  AddressBuckets buckets({1, 24h}, kMost);
  // A busy address among ever new ones keeps its bucket, and the table its size.
  for (AddressKey other = 1; other < 10'000; ++other) {
    buckets.take(other, kNow);
    EXPECT_EQ(buckets.take(0, kNow).granted, other == 1);
    ASSERT_LE(buckets.size(), kMost);
  }
  EXPECT_TRUE(buckets.take(1, kNow).granted) << "forgotten long ago";
}

TEST(AddressLimits, KeepBucketsWhileTheirRateStays) {
  AddressLimits limits;
  const auto first = limits.get("a", {1, 1min}, 1000);
  EXPECT_EQ(limits.get("a", {1, 1min}, 1000), first);
  EXPECT_NE(limits.get("b", {1, 1min}, 1000), first);
  EXPECT_NE(limits.get("a", {1, 1min}, 2000), first);
  EXPECT_NE(limits.get("a", {2, 1min}, 1000), first);
}

}  // namespace
}  // namespace sluice::access
