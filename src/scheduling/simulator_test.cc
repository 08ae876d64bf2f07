#include "scheduling/simulator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "base/testing_repository.h"
#include "scheduling/simulated_engine.h"
#include "scheduling/simulation_report.h"
#include "scheduling/slot_queue.h"

namespace sluice::scheduling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

SimulationOptions example(const char* name) {
  auto options = load_simulation(sluice::testing::in_repository("examples/simulations/") + name);
  EXPECT_TRUE(options) << options.error().message;
  return options.value();
}
const LoadResult& load_of(const PolicyResult& result, std::string_view name) {
  return *std::ranges::find(result.loads, name, &LoadResult::load);
}

TEST(Simulator, ShowsTheIncidentAndItsEnd) {
  const SimulationOptions options = example("incident.yaml");
  const auto results = simulate_all(options).value();
  ASSERT_EQ(results.size(), 2U);
  const LoadResult& before = load_of(results[0], "queue_worker");
  const LoadResult& after = load_of(results[1], "queue_worker");
  EXPECT_GT(before.wait_of(1), seconds(150));
  EXPECT_GT(before.wait_of(0.5), seconds(30));
  EXPECT_LE(after.wait_of(1), seconds(8));  // the check that runs, and one in its turn
  EXPECT_EQ(after.part_in_time(), 1);
  // The checks lose nothing: all are done before the next forty come.
  const LoadResult& checks = load_of(results[1], "quality_check");
  EXPECT_EQ(checks.waits.size(), checks.calls);
  EXPECT_LT(checks.wait_of(1), std::chrono::minutes(5));
  for (const PolicyResult& result : results) {
    EXPECT_EQ(load_of(result, "reader").all_refused(), 0U);
  }
}

TEST(Simulator, ServesMoreThanTwiceAsManyInTimeWithAdaptiveOrder) {
  const SimulationOptions options = example("overload.yaml");
  const auto results = simulate_all(options).value();
  const double fifo = results.at(0).loads.at(0).part_in_time();
  const double adaptive = results.at(1).loads.at(0).part_in_time();
  EXPECT_GE(adaptive, 2 * fifo) << fifo;
  EXPECT_GT(adaptive, 0.55);  // of at most two thirds
}

TEST(Simulator, GivesTheSameForTheSameSeed) {
  SimulationOptions options = example("overload.yaml");
  options.duration = std::chrono::minutes(1);
  const auto one = simulate_all(options).value();
  const auto other = simulate_all(options).value();
  EXPECT_EQ(one[0].loads[0].waits, other[0].loads[0].waits);
  options.seed = 2;
  EXPECT_NE(one[0].loads[0].waits, simulate_all(options).value()[0].loads[0].waits);
}

SimulationOptions one_load(SimulatedLoad load, std::size_t slots) {
  SimulationOptions options;
  options.duration = std::chrono::minutes(20);
  options.loads.append("calls") = std::move(load);
  SlotOptions& policy = options.policies.append("policy");
  policy.slots = slots;
  return options;
}

// M/M/1: the mean wait is service x load / (1 - load).
TEST(Simulator, AgreesWithTheoryForOneServer) {
  SimulatedLoad load{.arrivals = PoissonArrivals{5}, .service = milliseconds(100)};
  load.spread = Spread::kExponential;
  SimulationOptions options = one_load(load, 1);
  options.duration = std::chrono::hours(4);
  options.policies.find("policy")->realtime.order = Order::kFifo;
  const auto results = simulate_all(options).value();
  EXPECT_NEAR(to_ms(results[0].loads[0].mean_wait()), 100, 8);
}

TEST(Simulator, LetsClientsWaitForTheirAnswers) {
  SimulatedLoad load{.arrivals = ClientArrivals{3, seconds(1)}, .service = seconds(1)};
  const auto results = simulate_all(one_load(load, 4)).value();
  EXPECT_EQ(results[0].loads[0].wait_of(1), Duration::zero());
  EXPECT_NEAR(static_cast<double>(results[0].loads[0].calls), 3 * 1200 / 2.0, 4);
}

TEST(Simulator, LetsAPeriodsCallsComeInTurn) {
  SimulatedLoad load{
      .service_class = "best_effort",
      .arrivals =
          PeriodicArrivals{.period = seconds(60), .first = {}, .calls = 10, .in_turn = true},
      .service = seconds(2)};
  const auto results = simulate_all(one_load(load, 4)).value();
  EXPECT_EQ(results[0].loads[0].wait_of(1), Duration::zero());
  EXPECT_EQ(results[0].loads[0].calls, 200U);
}

TEST(Simulator, PausesBestEffortWhereTheEngineCan) {
  SimulatedLoad low{
      .service_class = "best_effort", .arrivals = ClientArrivals{8, {}}, .service = seconds(10)};
  SimulationOptions options = one_load(low, 1);
  options.loads.append("people") = {.arrivals = ClientArrivals{1, milliseconds(300)},
                                    .service = milliseconds(300)};
  options.policies.find("policy")->preemption = Preemption::kFull;
  const auto results = simulate_all(options).value();
  EXPECT_EQ(load_of(results[0], "people").wait_of(1), Duration::zero());
  // And best effort gets what realtime leaves.
  EXPECT_NEAR(static_cast<double>(load_of(results[0], "calls").waits.size()), 1200 / 2 / 10.0, 12);
}

// What a refusal says is how long the wait would be: within 30 % at twice what can be served.
TEST(Simulator, RefusesWithATimeThatIsTrue) {
  for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
    Random random(seed);
    SlotOptions slots;
    slots.slots = 2;
    slots.depth = 40;
    slots.realtime.order = Order::kFifo;
    slots.realtime.queue_timeout = {};
    SlotQueue queue(slots, "simulated");
    SimulatedEngine engine(Preemption::kNone);
    const auto random_time = [&](double mean_ms) {
      return Duration(static_cast<std::int64_t>(-std::log(1 - random.unit()) * mean_ms * 1e6));
    };
    TimePoint now{std::chrono::hours(1)};
    engine.advance(now);
    TimePoint next = now;
    TicketId ticket = 0;
    Actions told;
    double promised = 0;  // by refusals, of which each has the same queue before it
    double waited = 0;    // by those who got a place in it
    int refusals = 0;
    int starts = 0;
    while (ticket < 4000) {
      const auto ends = engine.next_end();
      now = ends ? std::min(next, ends->at) : next;
      engine.advance(now);
      if (ends && ends->at <= now) {
        engine.remove(ends->ticket);
        queue.finish(ends->ticket, now, 1.0, told);
      } else {
        queue.arrive({.ticket = ++ticket}, now, told);
        next = now + random_time(50);  // 20 a second come, 10 can be served
      }
      for (const Started& one : told.started) {
        engine.start(one.ticket, one.service_class, random_time(200));
        if (ticket < 1000) continue;
        waited += to_ms(one.waited);
        ++starts;
      }
      for (const Refused& one : told.refused) {
        if (ticket < 1000) continue;
        const auto told_ms = static_cast<double>(one.error.retry_after->count());
        promised += told_ms;
        ++refusals;
      }
      told.clear();
    }
    ASSERT_GT(refusals, 500);
    EXPECT_NEAR(promised / refusals, waited / starts, 0.3 * waited / starts) << "seed " << seed;
  }
}

TEST(SimulationReport, HasALineForEachPolicyAndLoad) {
  SimulationOptions options = example("incident.yaml");
  options.duration = std::chrono::minutes(30);
  const auto results = simulate_all(options).value();
  const std::string table = simulation_table(options, results);
  EXPECT_THAT(table, HasSubstr("before           queue_worker     best_effort"));
  EXPECT_THAT(table, HasSubstr("after            (all)            best_effort"));
  EXPECT_THAT(table, HasSubstr("after            reader           realtime"));
  options.about = "<a> & \"b\"";
  const std::string chart = simulation_chart(options, results);
  EXPECT_TRUE(chart.starts_with("<svg ")) << chart.substr(0, 80);
  EXPECT_THAT(chart, HasSubstr("&lt;a&gt; &amp; &quot;b&quot;"));
  EXPECT_THAT(chart, HasSubstr("<polyline"));
}

TEST(SimulatedLoad, SaysWhatIsWrongAndWhere) {
  const auto none = load_simulation("no such file.yaml");
  EXPECT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace sluice::scheduling
