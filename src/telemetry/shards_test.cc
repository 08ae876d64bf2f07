#include "telemetry/shards.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "telemetry/metrics.h"

namespace sluice::telemetry {
namespace {

const FamilyOptions kCalls{"calls_total", "Calls.", {"who"}};

// The series of a family with the first labels there are.
SeriesSample first(const Metrics& metrics, std::string_view family) {
  for (const auto& sample : metrics.collect()) {
    if (sample.name == family) return sample.series.front();
  }
  ADD_FAILURE() << "no series of " << family;
  return {};
}

// The count of calls by Ann.
double calls(const Metrics& metrics) {
  for (const auto& sample : metrics.collect()) {
    for (const auto& series : sample.series) {
      if (series.label_values == std::vector<std::string>{"ann"}) return series.value;
    }
  }
  ADD_FAILURE() << "Ann never called";
  return 0;
}

TEST(Shards, ThoseOfEndedThreadsKeepTheirNumbersAndAreUsedAgain) {
  auto pool = std::make_shared<ShardPool>();
  const auto cell = pool->reserve(1).value();
  for (int i = 0; i < 10; ++i) {
    std::thread([&] { detail::bump(*ShardPool::local(pool.get())->cell(cell), 1); }).join();
  }
  EXPECT_EQ(pool->sum(cell), 10U);
  EXPECT_EQ(pool->shard_count(), 1U);
}

TEST(Shards, NeighbouringCellsNeverSpanTwoChunks) {
  ShardPool pool;
  EXPECT_EQ(pool.reserve(kCellsPerChunk - 1), 0U);
  EXPECT_EQ(pool.reserve(2), kCellsPerChunk);
  EXPECT_EQ(pool.reserve(kCellsPerChunk + 1), std::nullopt);
}

TEST(Metrics, SeveralObjectsInOneThreadDoNotMix) {
  Metrics one;
  auto two = std::make_unique<Metrics>();
  const Counter in_one = one.counter(kCalls, {"ann"});
  const Counter in_two = two->counter(kCalls, {"ann"});
  in_one.add(1);
  in_two.add(2);
  in_one.add(4);
  EXPECT_EQ(calls(one), 5);
  EXPECT_EQ(calls(*two), 2);
  two.reset();
  Metrics three;  // may well lie where two was
  three.counter(kCalls, {"ann"}).add(8);
  EXPECT_EQ(calls(three), 8);
}

struct CountsOnExit {
  Counter counter;
  ~CountsOnExit() { counter.add(); }
};

TEST(Metrics, AThreadThatIsPastItsEndIsNotCounted) {
  Metrics metrics;
  const Counter counter = metrics.counter(kCalls, {"ann"});
  std::thread([&] {
    static thread_local CountsOnExit late;  // destroyed after what is made later
    late.counter = counter;
    counter.add();
  }).join();
  EXPECT_EQ(calls(metrics), 1);
}

TEST(Metrics, ThreadsRecordWhileOthersScrapeAndRegisterAndNothingIsLost) {
  Metrics metrics;
  constexpr int kThreads = 4;
  constexpr int kRounds = 20'000;
  const Counter counter = metrics.counter(kCalls, {"ann"});
  const Gauge open = metrics.gauge({.name = "open", .help = "Open."});
  const auto took = metrics.durations({.name = "took_seconds", .help = "Took."}, {});
  std::atomic<int> running = kThreads;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) {
        open.add();
        counter.add();
        took.record(std::chrono::microseconds(i % 100));
        if (i % 1000 == 0) {
          metrics.counter(kCalls, {std::to_string(t) + "/" + std::to_string(i)}).add();
        }
        open.subtract();
      }
      --running;
    });
  }
  double seen = 0;
  while (running > 0) {
    const double now = calls(metrics);
    EXPECT_GE(now, seen);  // never falls
    seen = now;
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(calls(metrics), kThreads * kRounds);
  EXPECT_EQ(first(metrics, "took_seconds").count, std::uint64_t{kThreads} * kRounds);
  EXPECT_EQ(first(metrics, "open").value, 0);
}

}  // namespace
}  // namespace sluice::telemetry
