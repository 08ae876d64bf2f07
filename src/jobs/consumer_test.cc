// One worker over each store's logic and a network that loses nothing: what it makes of calls that
// end as when the backend is away.
#include "jobs/consumer.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "jobs/testing_remote_store.h"

namespace sluice::jobs::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Takes 20 ms, and is away for some inputs, or for all.
class Backend final : public Runner {
 public:
  explicit Backend(Executor& home) : home_(home) {}
  CancelHandle run(const Attempt& attempt, Done done) override {
    const bool breaks = away || attempt.claimed->input == "poison";
    Result<RunOutput> output = RunOutput{.bytes = Ledger::output_of(attempt.claimed->job)};
    if (breaks) output = fail(unavailable("connection reset"));
    home_.run_at(home_.now() + milliseconds(20),
                 [done = std::move(done), output = std::move(output)]() mutable {
                   done(std::move(output));
                 });
    return {};
  }
  bool away = false;

 private:
  Executor& home_;
};

struct NobodyObserves final : ConsumerObserver {
  void on_begin(const Job&, WallTime) override {}
  void on_attempt(const Job&, const Outcome&, Duration, const RunOutput*) override {}
  void on_finished(const Job&, const Result<Job>&) override {}
};

class World {
 public:
  explicit World(StoreSteps& steps)
      : clock_(executor_),
        steps_(steps),
        network_(executor_, steps, ledger_, 1),
        process_(executor_),
        store_(network_),
        backend(process_),
        consumer_(process_, store_, hub_, backend, observer_, clock_, 1,
                  ConsumerOptions{.worker = "w",
                                  .lease = kSimulatedPolicy.lease,
                                  .look_every = seconds(5),
                                  .breaker = {}}) {
    steps_.reset(1, clock_);
    network_.calm_down();
    network_.add_listener(process_, hub_);
    consumer_.set_queues({{"a", 2, {}}});
  }
  ~World() {
    consumer_.drain([] {});
    pass(seconds(60));
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  std::string submit(std::string input) {
    steps_.begin();
    auto told = steps_.submit({.callable = "a", .format = "t/1", .input = std::move(input)});
    steps_.end(false);
    ledger_.accepted(told->id);
    network_.tell();
    return told->id;
  }
  void pass(Duration time) {
    for (const TimePoint end = executor_.now() + time; executor_.now() < end;) {
      steps_.begin();
      while (steps_.tend()) {
      }
      steps_.end(false);
      network_.tell();
      executor_.advance(milliseconds(500));
    }
  }
  Job job(const std::string& id) { return steps_.get(id)->job; }

 private:
  ManualExecutor executor_;
  MachineClock clock_;
  StoreSteps& steps_;
  Ledger ledger_;
  Network network_;
  Process process_;
  RemoteStore store_;
  Hub hub_;
  NobodyObserves observer_;

 public:
  Backend backend;

 private:
  Consumer consumer_;
};

class ConsumerTest
    : public ::testing::TestWithParam<std::pair<const char*, std::unique_ptr<StoreSteps> (*)()>> {
 protected:
  const std::unique_ptr<StoreSteps> steps_ = GetParam().second();
};

TEST_P(ConsumerTest, LetsOthersPastJobsThatBreakTheirBackend) {
  World world(*steps_);
  for (int i = 0; i < 4; ++i) world.submit("poison");
  std::vector<std::string> good;
  for (int i = 0; i < 20; ++i) good.push_back(world.submit("fine"));
  world.pass(std::chrono::minutes(10));
  for (const std::string& id : good) EXPECT_EQ(world.job(id).state, JobState::kCompleted);
}

TEST_P(ConsumerTest, CountsOutagesOfAJobAmongOthersThatCompleteAsItsFailures) {
  World world(*steps_);
  const std::string poison = world.submit("poison");
  for (int i = 0; i < 900 && world.job(poison).state != JobState::kFailed; ++i) {
    world.submit("fine");
    world.pass(seconds(1));
  }
  const Job job = world.job(poison);
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.returns.failures, kSimulatedPolicy.retries + 1);
  EXPECT_EQ(job.error->message, "connection reset");
}

TEST_P(ConsumerTest, CountsNothingAgainstJobsWhoseBackendIsAway) {
  World world(*steps_);
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(world.submit("fine"));
  world.backend.away = true;
  world.pass(std::chrono::minutes(5));
  world.backend.away = false;
  world.pass(kLongestAside + seconds(10));
  for (const std::string& id : ids) {
    EXPECT_EQ(world.job(id).state, JobState::kCompleted);
    EXPECT_EQ(world.job(id).returns.failures, 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, ConsumerTest,
                         ::testing::Values(std::pair{"sqlite", &make_sqlite_steps},
                                           std::pair{"redis", &make_redis_steps}),
                         [](const auto& info) { return std::string(info.param.first); });

}  // namespace
}  // namespace sluice::jobs::testing
