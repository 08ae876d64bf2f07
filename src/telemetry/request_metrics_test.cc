#include "telemetry/request_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/testing_repository.h"
#include "telemetry/job_metrics.h"
#include "telemetry/process_metrics.h"
#include "telemetry/slot_metrics.h"

namespace sluice::telemetry {
namespace {

using namespace std::chrono_literals;

// Everything that is not zero, as "name{a,b}" to value or count.
std::map<std::string, double> nonzero(const Metrics& metrics) {
  std::map<std::string, double> all;
  for (const auto& family : metrics.collect()) {
    for (const auto& series : family.series) {
      std::string name = family.name + "{";
      for (const auto& value : series.label_values) name += (name.back() == '{' ? "" : ",") + value;
      const auto number =
          family.kind == MetricKind::kHistogram ? static_cast<double>(series.count) : series.value;
      if (number != 0) all[name + "}"] = number;
    }
  }
  return all;
}
using Numbers = std::map<std::string, double>;

TEST(RequestTimings, EachLapGivesTheTimeSinceTheLastToItsStage) {
  const TimePoint start{1h};
  RequestTimings timings(start);
  EXPECT_FALSE(timings.has(Stage::kParse));
  timings.lap(Stage::kParse, start + 10us);
  timings.lap(Stage::kRun, start + 30us);
  timings.skip(start + 100us);
  timings.lap(Stage::kRun, start + 105us);
  EXPECT_EQ(timings.spent(Stage::kParse), 10us);
  EXPECT_EQ(timings.spent(Stage::kRun), 25us);
  EXPECT_FALSE(timings.has(Stage::kQueue));
  timings.add(Stage::kQueue, 3us);
  EXPECT_EQ(timings.spent(Stage::kQueue), 3us);
  EXPECT_EQ(timings.total(), 105us);
  EXPECT_EQ(timings.start(), start);
}

TEST(RequestTimings, AreToldInMillisecondsByServerTiming) {
  const TimePoint start{1h};
  RequestTimings timings(start);
  EXPECT_EQ(server_timing(timings), "total;dur=0.000");
  timings.lap(Stage::kParse, start + 12'499ns);
  timings.lap(Stage::kQueue, start + 12'499ns);
  timings.lap(Stage::kRun, start + 1234ms + 12'499ns);
  timings.lap(Stage::kEncode, start + 1234ms + 18'000ns);
  EXPECT_EQ(server_timing(timings),
            "parse;dur=0.012, queue;dur=0.000, run;dur=1234.000, encode;dur=0.006, "
            "total;dur=1234.018");
}

TEST(RequestTimings, AClockThatGoesBackwardsIsToldAsNoTime) {
  RequestTimings timings(TimePoint{1h});
  timings.lap(Stage::kRun, TimePoint{1h} - 5ms);
  EXPECT_EQ(server_timing(timings), "run;dur=0.000, total;dur=0.000");
}

TEST(Instruments, ARequestIsCountedOnceInEachFamily) {
  Metrics metrics;
  Instruments instruments(metrics);
  const auto request = instruments.request("open_inference", "iris");
  const TimePoint start{1h};
  request.begin();
  EXPECT_EQ(nonzero(metrics), (Numbers{{"sluice_requests_in_flight{}", 1}}));
  RequestTimings timings(start);
  timings.lap(Stage::kParse, start + 1us);
  timings.lap(Stage::kRun, start + 2us);
  request.finish(std::nullopt, timings);
  request.begin();
  request.finish(ErrorCode::kTimeout, timings);
  EXPECT_EQ(nonzero(metrics), (Numbers{{"sluice_requests_total{open_inference,iris,ok}", 1},
                                       {"sluice_requests_total{open_inference,iris,timeout}", 1},
                                       {"sluice_request_duration_seconds{open_inference,iris}", 2},
                                       {"sluice_stage_duration_seconds{parse}", 2},
                                       {"sluice_stage_duration_seconds{run}", 2}}));
}

TEST(Instruments, HandlesAreTheSameAfterAReload) {
  Metrics metrics;
  Instruments instruments(metrics);
  const auto before = instruments.request("admin", "iris");
  Instruments again(metrics);
  const auto after = again.request("admin", "iris");
  EXPECT_EQ(before.by_code, after.by_code);
  EXPECT_EQ(before.duration, after.duration);
  EXPECT_EQ(before.in_flight, after.in_flight);
}

TEST(Instruments, EveryOutcomeHasItsOwnCounter) {
  Metrics metrics;
  Instruments instruments(metrics);
  const auto member = instruments.member("iris", "setosa");
  member.record(std::nullopt);
  for (std::size_t i = 0; i < kErrorCodeCount; ++i) member.record(static_cast<ErrorCode>(i));
  const auto counted = nonzero(metrics);
  EXPECT_EQ(counted.size(), kOutcomeCount);
  EXPECT_EQ(counted.at("sluice_member_calls_total{iris,setosa,ok}"), 1);
  EXPECT_EQ(counted.at("sluice_member_calls_total{iris,setosa,not_found}"), 1);
}

TEST(Instruments, EveryRefusalHasItsOwnReason) {
  Metrics metrics;
  const Instruments instruments(metrics);
  for (std::size_t i = 0; i < kRefusalCount; ++i) {
    instruments.refusals().record(static_cast<Refusal>(i));
  }
  const auto counted = nonzero(metrics);
  EXPECT_EQ(counted.size(), kRefusalCount);
  EXPECT_EQ(counted.at("sluice_refusals_total{draining}"), 1);
}

TEST(Instruments, ModelsConnectionsAndReplicasAreCounted) {
  Metrics metrics;
  Instruments instruments(metrics);
  instruments.model("iris", "2").record(5us, 16);
  const auto connections = instruments.connections("main");
  connections.opened();
  connections.opened();
  connections.closed();
  const auto replica = instruments.replica("setosa", "127.0.0.1:8000");
  replica.requests.add(3);
  replica.failures.add();
  replica.eject();
  EXPECT_EQ(nonzero(metrics), (Numbers{{"sluice_model_run_duration_seconds{iris,2}", 1},
                                       {"sluice_model_batch_rows{iris}", 1},
                                       {"sluice_connections{main}", 1},
                                       {"sluice_connections_total{main}", 2},
                                       {"sluice_replica_requests_total{setosa,127.0.0.1:8000}", 3},
                                       {"sluice_replica_failures_total{setosa,127.0.0.1:8000}", 1},
                                       {"sluice_replica_ejections_total{setosa,127.0.0.1:8000}", 1},
                                       {"sluice_replica_ejected{setosa,127.0.0.1:8000}", 1}}));
  replica.readmit();
  EXPECT_EQ(nonzero(metrics).count("sluice_replica_ejected{setosa,127.0.0.1:8000}"), 0U);
}

TEST(Instruments, DefaultHandlesRecordNothing) {
  RequestMetrics().begin();
  RequestMetrics().finish(ErrorCode::kInternal, RequestTimings(TimePoint{1h}));
  ModelMetrics().record(1us, 1);
  ConnectionMetrics().opened();
  MemberMetrics().record(std::nullopt);
  ReplicaMetrics().eject();
}

TEST(Instruments, CallablesBeyondTheBoundAreCountedTogether) {
  Metrics metrics;
  Instruments instruments(metrics);
  RequestMetrics last;
  for (int i = 0; i < 501; ++i)
    last = instruments.request("admin", "callable-" + std::to_string(i));
  last.begin();
  last.finish(std::nullopt, RequestTimings(TimePoint{1h}));
  const auto counted = nonzero(metrics);
  EXPECT_EQ(counted.at("sluice_request_duration_seconds{other,other}"), 1);
  EXPECT_EQ(counted.at("sluice_requests_total{other,other,other}"), 1);
}

// Names and labels are an interface: dashboards and alerts read them.
TEST(Instruments, NamesKindsAndLabelsAreThoseOfTheGoldenList) {
  Metrics metrics;
  Instruments instruments(metrics);
  instruments.request("a", "c");
  instruments.model("m", "1");
  instruments.connections("l");
  instruments.member("e", "m");
  instruments.replica("c", "r");
  instruments.key("k");
  job_metrics(metrics, "c");
  slot_metrics(metrics, "c", "realtime");
  metrics.level(jobs_pending_family(), {"c"});
  metrics.level(jobs_processing_family(), {"c"});
  const ProcessMetrics process(metrics, {"0"});
  std::string list;
  for (const auto& family : metrics.collect()) {
    constexpr std::array kKinds{"counter", "gauge", "histogram"};
    list += kKinds[static_cast<std::size_t>(family.kind)];
    list += ' ' + family.name;
    for (const auto& label : family.labels) list += ' ' + label;
    list += '\n';
  }
  std::ostringstream golden;
  golden << std::ifstream(sluice::testing::in_repository("tests/golden/metrics.txt")).rdbuf();
  EXPECT_EQ(list, golden.str()) << "where the change is meant, change tests/golden/metrics.txt";
}

}  // namespace
}  // namespace sluice::telemetry
