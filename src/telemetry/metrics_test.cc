#include "telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice::telemetry {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

const FamilyOptions kCalls{"calls_total", "Calls.", {"who"}};

// The series of a family that has these label values; fails the test where there is none.
SeriesSample find(const Metrics& metrics, std::string_view family,
                  const std::vector<std::string>& values = {}) {
  for (const auto& sample : metrics.collect()) {
    if (sample.name != family) continue;
    for (const auto& series : sample.series) {
      if (series.label_values == values) return series;
    }
  }
  ADD_FAILURE() << "no series of " << family;
  return {};
}

TEST(Metrics, ACounterAddsUp) {
  Metrics metrics;
  const Counter calls = metrics.counter(kCalls, {"ann"});
  calls.add();
  calls.add(41);
  EXPECT_EQ(find(metrics, "calls_total", {"ann"}).value, 42);
}

TEST(Metrics, ADefaultHandleRecordsNothing) {
  Counter().add();
  Gauge().add();
  Level().set(1);
  DurationHistogram().record(1s);
  Histogram().record(1);
}

TEST(Metrics, TheSameFamilyAndLabelsGiveTheSameHandle) {
  Metrics metrics;
  const Counter before = metrics.counter(kCalls, {"ann"});
  before.add(7);
  const Counter after = metrics.counter(kCalls, {"ann"});
  EXPECT_EQ(before, after);
  EXPECT_FALSE(after == metrics.counter(kCalls, {"bob"}));
  EXPECT_EQ(find(metrics, "calls_total", {"ann"}).value, 7);
}

TEST(Metrics, AGaugeCountsUpInOneThreadAndDownInAnother) {
  Metrics metrics;
  const Gauge open = metrics.gauge({.name = "open", .help = "Open."});
  open.add(3);
  std::thread([&] { open.subtract(); }).join();
  EXPECT_EQ(find(metrics, "open").value, 2);
  open.subtract(5);
  EXPECT_EQ(find(metrics, "open").value, -3);
}

TEST(Metrics, ALevelShowsWhatWasSetLast) {
  Metrics metrics;
  const Level level = metrics.level({.name = "level", .help = "Level."});
  level.set(1.5);
  level.set(-2.25);
  EXPECT_EQ(find(metrics, "level").value, -2.25);
}

TEST(Metrics, ADurationFallsIntoTheBucketWhoseBoundItDoesNotExceed) {
  Metrics metrics;
  const auto took = metrics.durations({.name = "took_seconds", .help = "Took."}, {});
  took.record(1us);  // the bound belongs to its bucket
  took.record(1001ns);
  took.record(60s);
  took.record(61s);
  took.record(-5s);  // a clock that went backwards
  const auto series = find(metrics, "took_seconds");
  EXPECT_EQ(series.buckets.front(), 2U);
  EXPECT_EQ(series.buckets[1], 1U);
  EXPECT_EQ(series.buckets[kDurationBoundsNs.size() - 1], 1U);
  EXPECT_EQ(series.buckets.back(), 1U);
  EXPECT_EQ(series.count, 5U);
  EXPECT_NEAR(series.sum, 121.000002001, 1e-9);
}

TEST(Buckets, EveryDurationFindsTheBucketOfAPlainSearch) {
  std::vector<std::uint64_t> probes{0, 1, std::numeric_limits<std::uint64_t>::max()};
  for (int bit = 0; bit < 63; ++bit) probes.push_back(std::uint64_t{1} << bit);
  for (const auto bound : kDurationBoundsNs) {
    probes.insert(probes.end(), {bound - 1, bound, bound + 1});
  }
  for (const auto ns : probes) {
    std::size_t expected = 0;
    while (expected < kDurationBoundsNs.size() && ns > kDurationBoundsNs[expected]) ++expected;
    EXPECT_EQ(duration_bucket(ns), expected) << ns;
  }
}

TEST(Buckets, BoundsInSecondsAreThoseInNanoseconds) {
  for (std::size_t i = 0; i < kDurationBoundsNs.size(); ++i) {
    EXPECT_DOUBLE_EQ(kDurationBoundsSeconds[i], static_cast<double>(kDurationBoundsNs[i]) * 1e-9);
  }
}

TEST(Metrics, AHistogramOfSizesKeepsItsOwnBounds) {
  Metrics metrics;
  constexpr std::array<double, 2> kBounds{1, 2.5};
  const auto rows = metrics.histogram({.name = "rows", .help = "Rows."}, {}, kBounds);
  for (const double value : {0.5, 1.0, 2.5, 3.0}) rows.record(value);
  rows.record(std::nan(""));
  const auto series = find(metrics, "rows");
  EXPECT_THAT(series.buckets, ElementsAre(2, 1, 2));
  EXPECT_EQ(series.count, 5U);
}

TEST(Metrics, LabelSetsBeyondTheBoundAreCountedAsOther) {
  Metrics metrics;
  const FamilyOptions family{"calls_total", "Calls.", {"who", "how"}, 2};
  metrics.counter(family, {"a", "x"}).add(1);
  metrics.counter(family, {"b", "x"}).add(2);
  metrics.counter(family, {"c", "x"}).add(4);
  metrics.counter(family, {"d", "x"}).add(8);
  metrics.counter(family, {"a", "x"}).add(16);  // known before the bound was met
  EXPECT_EQ(find(metrics, "calls_total", {"a", "x"}).value, 17);
  EXPECT_EQ(find(metrics, "calls_total", {"b", "x"}).value, 2);
  EXPECT_EQ(find(metrics, "calls_total", {"other", "other"}).value, 12);
  EXPECT_EQ(find(metrics, kOverflowMetric, {"calls_total"}).value, 2);
  EXPECT_EQ(metrics.counter(family, {"c", "x"}), metrics.counter(family, {"other", "other"}));
}

TEST(Metrics, WithoutOverflowNothingIsSaidOfIt) {
  Metrics metrics;
  metrics.counter(kCalls, {"ann"}).add();
  EXPECT_EQ(metrics.collect().size(), 1U);
}

TEST(Metrics, WhenTheCellsRunOutLaterLabelSetsAreOther) {
  Metrics metrics;
  FamilyOptions family{"took_seconds", "Took.", {"n"}};
  family.max_series = 10'000'000;
  const auto other = metrics.durations(family, {"other"});
  const std::size_t fit = std::size_t{kMaxChunks} * kCellsPerChunk / (kDurationBoundsNs.size() + 2);
  DurationHistogram last;
  for (std::size_t i = 0; i <= fit; ++i) last = metrics.durations(family, {std::to_string(i)});
  EXPECT_EQ(last, other);
}

TEST(Metrics, LabelValuesAreCutAndMadeCleanUtf8) {
  Metrics metrics;
  metrics.counter(kCalls, {"a\xFF"}).add();
  EXPECT_EQ(find(metrics, "calls_total", {"a\xEF\xBF\xBD"}).value, 1);
  const std::string longer(kMaxLabelValueBytes + 1, 'x');
  metrics.counter(kCalls, {longer}).add();
  EXPECT_EQ(find(metrics, "calls_total", {longer.substr(0, kMaxLabelValueBytes)}).value, 1);
}

TEST(Metrics, ContradictionsAreRefused) {
  Metrics metrics;
  metrics.counter(kCalls, {"ann"});
  EXPECT_THROW(metrics.counter(kCalls, {}), std::logic_error);
  EXPECT_THROW(metrics.counter(kCalls, {"a", "b"}), std::logic_error);
  EXPECT_THROW(metrics.gauge(kCalls, {"ann"}), std::logic_error);
  EXPECT_THROW(metrics.counter({"calls_total", "Calls.", {"what"}}, {"ann"}), std::logic_error);
  EXPECT_THROW(metrics.counter({"9lives", "", {}}), std::logic_error);
  EXPECT_THROW(metrics.counter({"a-b", "", {}}), std::logic_error);
  EXPECT_THROW(metrics.counter({"", "", {}}), std::logic_error);
  EXPECT_THROW(metrics.counter({"a", "", {"le"}}, {"1"}), std::logic_error);
  EXPECT_THROW(metrics.counter({"a", "", {"__x"}}, {"1"}), std::logic_error);
  EXPECT_THROW(metrics.counter({"a", "", {"x", "x"}}, {"1", "1"}), std::logic_error);
  EXPECT_THROW(metrics.counter({"a", "", {}, 0}), std::logic_error);
  constexpr std::array<double, 2> kFalling{2, 1};
  EXPECT_THROW(metrics.histogram({"h", "", {}}, {}, kFalling), std::logic_error);
  const std::vector<double> many(kMaxHistogramBounds + 1, 0.0);
  EXPECT_THROW(metrics.histogram({"h", "", {}}, {}, many), std::logic_error);
  EXPECT_THROW((void)metrics.observe(MetricKind::kHistogram, {"o", "", {}}, {}, [] { return 0.; }),
               std::logic_error);
}

TEST(Metrics, ACallbackIsAskedAtEachScrapeUntilItsGuardGoes) {
  Metrics metrics;
  double depth = 3;
  {
    const auto guard = metrics.observe(MetricKind::kGauge, {"depth", "Depth.", {"queue"}}, {"a"},
                                       [&] { return depth; });
    EXPECT_EQ(find(metrics, "depth", {"a"}).value, 3);
    depth = 4;
    EXPECT_EQ(find(metrics, "depth", {"a"}).value, 4);
  }
  EXPECT_TRUE(metrics.collect().empty());
}

TEST(Metrics, OfTwoCallbacksWithTheSameLabelsTheNewerIsAsked) {
  Metrics metrics;
  const FamilyOptions family{"depth", "Depth.", {}};
  auto old_one = metrics.observe(MetricKind::kGauge, family, {}, [] { return 1.0; });
  auto new_one = metrics.observe(MetricKind::kGauge, family, {}, [] { return 2.0; });
  EXPECT_EQ(find(metrics, "depth").value, 2);
  old_one = CallbackGuard();
  EXPECT_EQ(find(metrics, "depth").value, 2);
  old_one = std::move(new_one);
  EXPECT_EQ(find(metrics, "depth").value, 2);
}

TEST(Metrics, CallbacksBeyondTheBoundAreAddedUpAsOther) {
  Metrics metrics;
  const FamilyOptions family{"depth", "Depth.", {"queue"}, 1};
  std::vector<CallbackGuard> guards;
  for (const auto* name : {"a", "b", "c"}) {
    guards.push_back(metrics.observe(MetricKind::kGauge, family, {name}, [] { return 2.0; }));
  }
  EXPECT_EQ(find(metrics, "depth", {"a"}).value, 2);
  EXPECT_EQ(find(metrics, "depth", {"other"}).value, 4);
}

TEST(Metrics, AGuardMayOutliveTheMetrics) {
  CallbackGuard guard;
  {
    Metrics metrics;
    guard = metrics.observe(MetricKind::kGauge, {"depth", "", {}}, {}, [] { return 1.0; });
  }
}

}  // namespace
}  // namespace sluice::telemetry
