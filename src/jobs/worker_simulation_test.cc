// Whole workers, as they are, over each store's logic: processes that crash, stand still and stop
// in good order, a network that loses, repeats and delays, a store that is away, clocks that jump.
// Under a seeded scheduler, so that a run is repeated by its seed:
//
//   SLUICE_SEED=1234 sluice_jobs_test --gtest_filter='*WorkerSimulation*'
//
// What must hold besides what simulation_test.cc says: no worker runs more than its slots, each
// gives back what it took, and stops what has been cancelled.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jobs/consumer.h"
#include "jobs/testing_remote_store.h"

namespace sluice::jobs::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kSlots = 3;
constexpr const char* kCallables[] = {"a", "b"};

// Calls that end as they like: at once, later, never unless they are stopped.
class CallsOfChance final : public Runner {
 public:
  CallsOfChance(Process& home, std::uint64_t seed) : home_(home), random_(seed) {}

  CancelHandle run(const Attempt& attempt, Done done) override {
    const Job& job = attempt.claimed->job;
    EXPECT_LE(++running_[job.callable], kSlots) << "more than its slots";
    EXPECT_EQ(attempt.claimed->input, "in");
    auto call = std::make_shared<Call>(*this, job, std::move(done));
    std::erase_if(calls_, [](const auto& known) { return known.expired(); });
    calls_.push_back(call);
    switch (random_.below(6)) {
      case 0:
        call->end(RunOutput{.bytes = Ledger::output_of(job)});  // before this returns
        return {};
      case 1:
        end_after(call, milliseconds(random_.below(90'000)), RunOutput{Ledger::output_of(job)});
        break;
      case 2:
        end_after(call, milliseconds(random_.below(5'000)), fail(some_error()));
        break;
      case 3:
        end_after(call, std::chrono::minutes(3), RunOutput{Ledger::output_of(job)});
        break;
      default:
        end_after(call, milliseconds(random_.below(2'000)), RunOutput{Ledger::output_of(job)});
    }
    return CancelHandle(call);
  }
  // As when the process dies: nobody hears of its calls any more.
  void forget_all() {
    for (const auto& known : calls_) {
      if (const auto call = known.lock()) call->done = nullptr;
    }
  }
  [[nodiscard]] std::size_t running() const {
    std::size_t all = 0;
    for (const auto& [callable, count] : running_) all += count;
    return all;
  }

 private:
  struct Call final : Cancellable, std::enable_shared_from_this<Call> {
    Call(CallsOfChance& r, const Job& job, Done d)
        : runner(r), callable(job.callable), done(std::move(d)) {}
    void cancel() override {
      // It takes a while to stop, and may be done first.
      runner.end_after(shared_from_this(), milliseconds(runner.random_.below(200)),
                       fail(sluice::cancelled("stopped")));
    }
    void end(Result<RunOutput> output) {
      if (!done) return;
      --runner.running_[callable];
      std::exchange(done, nullptr)(std::move(output));
    }
    CallsOfChance& runner;
    const std::string callable;
    Done done;
  };
  void end_after(std::shared_ptr<Call> call, Duration time, Result<RunOutput> output) {
    home_.run_at(home_.now() + time,
                 [call = std::move(call), output = std::move(output)]() mutable {
                   call->end(std::move(output));
                 });
  }
  Error some_error() {
    switch (random_.below(4)) {
      case 0:
        return invalid("never");
      case 1:
        return unavailable("away");
      case 2:
        return {ErrorCode::kTimeout, "slow"};
      default:
        return internal("boom");
    }
  }

  Process& home_;
  Random random_;
  std::map<std::string, std::size_t> running_;
  std::vector<std::weak_ptr<Call>> calls_;
};

struct NobodyObserves final : ConsumerObserver {
  void on_begin(const Job&, WallTime) override {}
  void on_attempt(const Job&, const Outcome&, Duration, const RunOutput*) override {}
  void on_finished(const Job&, const Result<Job>&) override {}
};

class WorkerProcess {
 public:
  WorkerProcess(ManualExecutor& world, Network& network, std::uint64_t seed)
      : process_(world), clock_(world), store_(network), calls_(process_, seed) {
    consumer_.emplace(process_, store_, hub_, calls_, observer_, clock_, seed + 1,
                      ConsumerOptions{.worker = "w",
                                      .lease = kSimulatedPolicy.lease,
                                      .look_every = seconds(20),
                                      .breaker = {}});
    network.add_listener(process_, hub_);
    process_.post([this] {
      std::vector<QueueOptions> queues;
      for (const char* callable : kCallables) queues.push_back({callable, kSlots, {}});
      consumer_->set_queues(std::move(queues));
    });
  }

  [[nodiscard]] bool gone() const { return process_.dead(); }
  // Awake, and with nothing that is being run.
  [[nodiscard]] bool idle() const { return !process_.stands_still() && calls_.running() == 0; }
  void crash() {
    process_.die();
    calls_.forget_all();
    consumer_.reset();
  }
  void stand_still(Duration time) { process_.stand_still(time); }
  void jump(Duration by) { clock_.jump(by); }
  // In good order, giving back what it has when `at_once`. Then it is gone.
  void stop(bool at_once) {
    process_.post([this, at_once] {
      if (stopping_) return;
      stopping_ = true;
      consumer_->drain([this] {
        process_.post([this] {
          EXPECT_EQ(consumer_->running(), 0U);
          EXPECT_EQ(calls_.running(), 0U);
          crash();
        });
      });
      if (at_once) consumer_->release_all();
    });
  }

 private:
  Process process_;
  MachineClock clock_;
  RemoteStore store_;
  Hub hub_;
  CallsOfChance calls_;
  NobodyObserves observer_;
  bool stopping_ = false;
  std::optional<Consumer> consumer_;
};

class World {
 public:
  World(std::uint64_t seed, StoreSteps& steps)
      : random_(seed),
        clock_(executor_),
        steps_(steps),
        network_(executor_, steps, ledger_, seed + 1),
        caller_(executor_),
        store_(network_) {
    steps_.reset(seed, clock_);
    for (int i = 0; i < 2; ++i) start_worker();
    tend();
  }

  void run(int events) {
    for (int i = 0; i < events && !::testing::Test::HasFatalFailure(); ++i) {
      event();
      executor_.advance(milliseconds(random_.below(8'000)));
    }
    if (!::testing::Test::HasFatalFailure()) calm();
  }

 private:
  void event() {
    switch (random_.below(16)) {
      case 0:
        return any_worker().crash();
      case 1:
        return any_worker().stand_still(seconds(random_.below(100)));
      case 2:
        return any_worker().stop(random_.below(2) == 0);
      case 3:
        return start_worker();
      case 4:
        return network_.go_away(seconds(random_.below(40)));
      case 5:
        clock_.jump(seconds(random_.below(50)) - seconds(20));
        return any_worker().jump(seconds(random_.below(50)) - seconds(20));
      case 6:
        return steps_.crash();
      case 7:
      case 8:
        return cancel();
      default:
        return submit();
    }
  }

  void start_worker() {
    workers_.push_back(std::make_unique<WorkerProcess>(executor_, network_, random_.next()));
  }
  WorkerProcess& any_worker() {
    const std::size_t first = random_.below(workers_.size());
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      WorkerProcess& worker = *workers_[(first + i) % workers_.size()];
      if (!worker.gone()) return worker;
    }
    start_worker();
    return *workers_.back();
  }

  void submit() {
    NewJob job{.callable = kCallables[random_.below(2)], .format = "t/1", .input = "in"};
    job.priority = static_cast<Priority>(random_.below(3));
    job.tenant = std::string(1, static_cast<char>('x' + random_.below(3)));
    const WallTime now = std::chrono::floor<milliseconds>(clock_.wall());
    if (random_.below(8) == 0) job.run_at = now + seconds(random_.below(100));
    if (random_.below(8) == 0) job.deadline = now + seconds(60 + random_.below(200));
    job.idempotency_key = std::to_string(++last_key_);
    job.digest = job.callable;
    ++waiting_;
    submit_until_told(job);
  }
  // A caller who hears nothing asks again under the same key.
  void submit_until_told(const NewJob& job) {
    store_.submit(caller_, job, [this, job](Result<Submitted> told) {
      if (told) {
        --waiting_;
        EXPECT_TRUE(ledger_.knows(told->id)) << "an id that nobody has seen";
        return;
      }
      EXPECT_EQ(told.error().code, ErrorCode::kUnavailable) << told.error().message;
      caller_.run_at(caller_.now() + seconds(1), [this, job] { submit_until_told(job); });
    });
  }
  void cancel() {
    if (!ledger_.empty()) store_.cancel(caller_, ledger_.any(random_), [](const Result<Job>&) {});
  }

  // Some process or other does it; the store's clock decides.
  void tend() {
    steps_.begin();
    steps_.tend();
    steps_.end(false);
    network_.tell();
    if (!over_) executor_.run_at(executor_.now() + seconds(10), [this] { tend(); });
  }

  // Calm weather: everything that was accepted comes to its end, and is what we were told.
  void calm() {
    network_.calm_down();
    start_worker();
    for (int round = 0; round < 400; ++round) {
      executor_.advance(seconds(20));
      bool over = waiting_ == 0;
      for (const QueueCounts& c : steps_.counts()) over = over && c.pending + c.processing == 0;
      if (over) break;
    }
    ASSERT_EQ(waiting_, 0) << "nobody answered";
    ASSERT_NO_FATAL_FAILURE(ledger_.check(steps_));
    EXPECT_EQ(ledger_.size(), last_key_) << "each was accepted once";
    // What was cancelled or taken away is stopped within this time, and then all can go.
    over_ = true;
    for (int second = 0; second < 180 && !all_idle(); ++second) executor_.advance(seconds(1));
    for (auto& worker : workers_) {
      if (!worker->gone()) worker->stop(false);
    }
    executor_.advance(seconds(5));
    for (auto& worker : workers_) EXPECT_TRUE(worker->gone()) << "a worker has something still";
    ASSERT_FALSE(::testing::Test::HasFailure());
  }

  [[nodiscard]] bool all_idle() const {
    return network_.is_quiet() && std::ranges::all_of(workers_, [](const auto& one) {
             return one->gone() || one->idle();
           });
  }

  Random random_;
  ManualExecutor executor_;
  MachineClock clock_;  // the store's
  StoreSteps& steps_;
  Ledger ledger_;
  Network network_;
  Process caller_;
  RemoteStore store_;
  std::vector<std::unique_ptr<WorkerProcess>> workers_;
  std::size_t last_key_ = 0;
  int waiting_ = 0;
  bool over_ = false;  // every job has ended
};

using WorkerSimulation = SimulationTest;

TEST_P(WorkerSimulation, AccountsForEveryJob) {
  // What a store does by itself, simulation_test.cc asks it with every seed.
  for_each_seed(is_slow() ? kSeeds / 2 : kSeeds,
                [](std::uint64_t seed, StoreSteps& steps) { World(seed, steps).run(40); });
}

INSTANTIATE_TEST_SUITE_P(Stores, WorkerSimulation, all_simulations(), simulation_name);

}  // namespace
}  // namespace sluice::jobs::testing
