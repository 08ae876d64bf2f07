#include "telemetry/exposition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "telemetry/process_metrics.h"

namespace sluice::telemetry {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string text_of(const Metrics& metrics) {
  return prometheus_text(metrics.collect());
}

TEST(Exposition, OfNothingIsEmpty) {
  EXPECT_EQ(text_of(Metrics()), "");
}

TEST(Exposition, ShowsFamiliesByNameAndSeriesByLabels) {
  Metrics metrics;
  const FamilyOptions calls{"sluice_calls_total", "Calls, by who made them.", {"who", "how"}};
  metrics.counter(calls, {"bob", "fast"}).add(2);
  metrics.counter(calls, {"ann", "slow"}).add(12345678);
  metrics.gauge({"sluice_a_open", "Open now."}).add(-3);
  metrics.level({"sluice_z_ratio", "A ratio."}).set(0.1);
  EXPECT_EQ(text_of(metrics),
            "# HELP sluice_a_open Open now.\n"
            "# TYPE sluice_a_open gauge\n"
            "sluice_a_open -3\n"
            "# HELP sluice_calls_total Calls, by who made them.\n"
            "# TYPE sluice_calls_total counter\n"
            "sluice_calls_total{who=\"ann\",how=\"slow\"} 12345678\n"
            "sluice_calls_total{who=\"bob\",how=\"fast\"} 2\n"
            "# HELP sluice_z_ratio A ratio.\n"
            "# TYPE sluice_z_ratio gauge\n"
            "sluice_z_ratio 0.1\n");
}

TEST(Exposition, BucketsOfAHistogramAreCumulativeAndEndWithInfinity) {
  Metrics metrics;
  constexpr std::array<double, 2> kBounds{1, 8};
  const auto rows = metrics.histogram({"sluice_rows", "Rows.", {"model"}}, {"iris"}, kBounds);
  for (const double value : {1.0, 4.0, 4.0, 100.0}) rows.record(value);
  EXPECT_EQ(text_of(metrics),
            "# HELP sluice_rows Rows.\n"
            "# TYPE sluice_rows histogram\n"
            "sluice_rows_count{model=\"iris\"} 4\n"
            "sluice_rows_sum{model=\"iris\"} 109\n"
            "sluice_rows_bucket{model=\"iris\",le=\"1\"} 1\n"
            "sluice_rows_bucket{model=\"iris\",le=\"8\"} 3\n"
            "sluice_rows_bucket{model=\"iris\",le=\"+Inf\"} 4\n");
}

TEST(Exposition, DurationsAreInSeconds) {
  Metrics metrics;
  metrics.durations({"sluice_took_seconds", "Took."}, {}).record(1500us);
  const auto text = text_of(metrics);
  EXPECT_THAT(text, HasSubstr("sluice_took_seconds_sum 0.0015\n"));
  EXPECT_THAT(text, HasSubstr("sluice_took_seconds_bucket{le=\"1e-06\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("sluice_took_seconds_bucket{le=\"0.001\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("sluice_took_seconds_bucket{le=\"0.0025\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("sluice_took_seconds_bucket{le=\"60\"} 1\n"));
}

TEST(Exposition, EscapesLabelValues) {
  Metrics metrics;
  metrics.counter({"c_total", "C.", {"path"}}, {"a\"b\\c\nd"}).add();
  EXPECT_THAT(text_of(metrics), HasSubstr(R"(c_total{path="a\"b\\c\nd"} 1)"
                                          "\n"));
}

TEST(ProcessMetrics, TellWhatTheSystemKnowsOfThisProcess) {
  Metrics metrics;
  const ProcessMetrics process(metrics, {"1.2.3", compiler_name(), "Debug"});
  const auto families = metrics.collect();
  const auto value = [&](std::string_view name) {
    for (const auto& family : families) {
      if (family.name == name) return family.series.at(0).value;
    }
    ADD_FAILURE() << "no " << name;
    return 0.0;
  };
  EXPECT_GT(value("process_resident_memory_bytes"), 1e6);
  EXPECT_GE(value("process_virtual_memory_bytes"), value("process_resident_memory_bytes"));
  EXPECT_GE(value("process_open_fds"), 3);
  EXPECT_GT(value("process_max_fds"), value("process_open_fds"));
  EXPECT_GE(value("process_threads"), 1);
  EXPECT_GT(value("process_cpu_seconds_total"), 0);
  const auto now = std::chrono::duration<double>(SystemClock().wall().time_since_epoch()).count();
  EXPECT_LT(value("process_start_time_seconds"), now + 2);
  EXPECT_GT(value("process_start_time_seconds"), now - 3600.0 * 24);
  EXPECT_EQ(value("sluice_build_info"), 1);
  EXPECT_THAT(prometheus_text(families),
              HasSubstr("sluice_build_info{version=\"1.2.3\",compiler="));
}

TEST(ProcessMetrics, GoWithTheirOwner) {
  Metrics metrics;
  {
    const ProcessMetrics process(metrics, {"1"});
  }
  for (const auto& family : metrics.collect()) {
    EXPECT_TRUE(family.name == "process_start_time_seconds" || family.name == "sluice_build_info")
        << family.name;
  }
}

}  // namespace
}  // namespace sluice::telemetry
