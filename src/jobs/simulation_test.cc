// Each store's logic under workers that crash, stall and come back, callers that repeat themselves,
// clocks that jump, changes and answers that are lost: under a seeded scheduler, so that a run is
// repeated by its seed:
//
//   SLUICE_SEED=1234 sluice_jobs_test --gtest_filter='*JobSimulation*'
//
// What must hold whatever happens: every accepted job ends in exactly one terminal state; nothing
// is written by an attempt that is over; a cancelled job never completes; counters add up.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "jobs/testing_ledger.h"

namespace sluice::jobs::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Worker {
  std::vector<Claimed> held;
};

class World {
 public:
  World(std::uint64_t seed, StoreSteps& steps) : random_(seed), steps_(steps), workers_(3) {
    steps_.reset(seed, clock_);
  }

  void run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFatalFailure(); ++i) step();
    if (!::testing::Test::HasFatalFailure()) calm();
  }

 private:
  static constexpr const char* kCallables[] = {"a", "b"};

  // None: the caller hears nothing, and the change was made or not.
  template <class F>
  auto try_to(F change) {
    using T = decltype(change());
    const bool lost = random_.below(20) == 0;
    if (lost && !steps_.can_undo()) return std::optional<T>();
    steps_.begin();
    std::optional<T> result = change();
    steps_.end(lost);
    // Made, but the answer is lost on its way.
    if (lost || random_.below(20) == 0) return std::optional<T>();
    return result;
  }

  void step() {
    switch (random_.below(14)) {
      case 0:
      case 1:
      case 2:
        return submit();
      case 3:
      case 4:
      case 5:
        return claim();
      case 6:
      case 7:
      case 8:
        return end_attempt();
      case 9:
        return extend();
      case 10:
        return cancel();
      case 11:
        if (random_.below(4) == 0) return steps_.crash();
        // A worker dies; sometimes it was only slow, and comes back with what it had.
        if (random_.below(3) != 0) any_worker().held.clear();
        return;
      case 12:
        // Forwards by up to a minute, and sometimes back.
        return clock_.move(random_.below(10) == 0 ? -seconds(random_.below(40))
                                                  : milliseconds(random_.below(60'000)));
      default:
        try_to([&] { return steps_.tend(); });
    }
  }

  void submit() {
    NewJob job{.callable = kCallables[random_.below(2)], .format = "t/1", .input = "in"};
    job.priority = static_cast<Priority>(random_.below(3));
    job.tenant = std::string(1, static_cast<char>('x' + random_.below(3)));
    if (random_.below(3) == 0) {
      job.idempotency_key = std::to_string(random_.below(8));
      job.digest = job.callable + job.tenant;
    }
    const WallTime now = std::chrono::floor<milliseconds>(clock_.wall());
    if (random_.below(6) == 0) job.run_at = now + seconds(random_.below(100));
    if (random_.below(8) == 0) job.deadline = now + seconds(60 + random_.below(200));
    const auto told = try_to([&] { return steps_.submit(job); });
    if (!told) {
      unsure_ = true;  // never accepted, or accepted without our knowing
      return;
    }
    if (!*told) {
      ASSERT_FALSE(job.idempotency_key.empty()) << (*told).error().message;
      return;
    }
    if ((*told)->existed) {
      ASSERT_TRUE(ledger_.knows((*told)->id) || unsure_) << "a key names a job nobody has seen";
    }
    ledger_.accepted((*told)->id);
  }

  void claim() {
    Worker& worker = any_worker();
    ClaimRequest request{.worker = "w"};
    for (const char* callable : kCallables) request.queues.push_back({callable, random_.below(4)});
    auto told = try_to([&] { return steps_.claim(request); });
    if (!told) return;
    for (Claimed& one : *told) {
      ASSERT_NO_FATAL_FAILURE(ledger_.handed_out(one.job));
      ASSERT_EQ(one.input, "in");
      worker.held.push_back(std::move(one));
    }
  }

  void end_attempt() {
    Worker& worker = any_worker();
    if (worker.held.empty()) return;
    const std::size_t index = random_.below(worker.held.size());
    const Claimed claimed = worker.held[index];
    // Sometimes it is told twice, as by somebody who heard no answer.
    if (random_.below(8) != 0) worker.held.erase(worker.held.begin() + static_cast<long>(index));
    Outcome outcome = Requeued{random_.below(2) == 0 ? Cause::kOutage : Cause::kReleased};
    const std::string output = Ledger::output_of(claimed.job);
    switch (random_.below(4)) {
      case 0:
      case 1:
        outcome = Completed{output};
        break;
      case 2:
        outcome = Failed{internal("boom"), random_.below(3) != 0};
        break;
      default:
        break;
    }
    const auto told = try_to([&] { return steps_.finish(claimed.ticket(), outcome); });
    if (!told || !*told) return;  // lost, or refused: both are no news
    ledger_.ended(claimed.ticket(), **told, output);
  }

  void extend() {
    Worker& worker = any_worker();
    if (worker.held.empty()) return;
    const Ticket ticket = worker.held[random_.below(worker.held.size())].ticket();
    const auto told = try_to([&] { return steps_.extend({ticket}, kSimulatedPolicy.lease); });
    if (told && (*told)[0]) ledger_.extended(ticket);
  }

  void cancel() {
    if (ledger_.empty()) return;
    const std::string& id = ledger_.any(random_);
    const auto told = try_to([&] { return steps_.cancel(id); });
    if (told && *told) ledger_.cancelled(id, **told);
  }

  // Calm weather: everything that was accepted comes to its end, and is what we were told.
  void calm() {
    for (int round = 0; round < 200; ++round) {
      clock_.move(seconds(40));
      steps_.begin();
      while (steps_.tend()) {
      }
      for (const Claimed& one : steps_.claim({{{"a", 100}, {"b", 100}}, "calm", {}})) {
        ASSERT_TRUE(steps_.finish(one.ticket(), Completed{Ledger::output_of(one.job)}));
      }
      steps_.end(false);
      const auto counts = steps_.counts();
      if (std::ranges::all_of(
              counts, [](const QueueCounts& c) { return c.pending == 0 && c.processing == 0; })) {
        break;
      }
    }
    ledger_.check(steps_);
  }

  Worker& any_worker() { return workers_[random_.below(workers_.size())]; }

  Random random_;
  ChosenClock clock_;
  StoreSteps& steps_;
  std::vector<Worker> workers_;
  Ledger ledger_;
  bool unsure_ = false;  // a submission may have been accepted without our knowing
};

using JobSimulation = SimulationTest;

TEST_P(JobSimulation, AccountsForEveryJob) {
  for_each_seed(kSeeds, [](std::uint64_t seed, StoreSteps& steps) { World(seed, steps).run(120); });
}

INSTANTIATE_TEST_SUITE_P(Stores, JobSimulation, all_simulations(), simulation_name);

}  // namespace
}  // namespace sluice::jobs::testing
