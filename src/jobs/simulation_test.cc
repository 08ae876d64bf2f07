// The embedded store's tables, workers that crash, stall and come back, callers that repeat
// themselves, clocks that jump, transactions that are lost: under a seeded scheduler, so that a run
// is repeated by its seed:
//
//   SLUICE_SEED=1234 sluice_jobs_test --gtest_filter=JobSimulation.*
//
// What must hold whatever happens: every accepted job ends in exactly one terminal state; nothing
// is written by an attempt that is over; a cancelled job never completes; counters add up.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "jobs/tables.h"
#include "sqlite/connection.h"

namespace sluice::jobs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ChosenClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return TimePoint(wall_.time_since_epoch()); }
  [[nodiscard]] WallTime wall() const override { return wall_; }
  void move(Duration by) { wall_ += by; }

 private:
  WallTime wall_{seconds(1'700'000'000)};
};

class SeededBytes final : public RandomBytes {
 public:
  explicit SeededBytes(std::uint64_t seed) : random_(seed) {}
  void fill(std::span<std::uint8_t> bytes) override {
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random_.next());
  }

 private:
  Random random_;
};

// What the outside world knows of a job: what it was told, and nothing else.
struct Known {
  std::optional<JobState> terminal;  // as it was told by a write that succeeded
  bool cancelled = false;            // a cancellation was acknowledged
  std::uint32_t attempts = 0;        // highest seen
  std::string output;                // of the completion that was acknowledged
};

struct Worker {
  std::vector<Claimed> held;
};

class World {
 public:
  World(std::uint64_t seed, sqlite::Connection& connection)
      : random_(seed),
        bytes_(seed + 1),
        ids_(clock_, bytes_),
        store_random_(seed + 2),
        connection_(connection),
        workers_(3) {
    open();
  }

  void run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFatalFailure(); ++i) step();
    finish();
  }

 private:
  static constexpr const char* kCallables[] = {"a", "b"};

  // The process with the store dies and comes back: what is in memory is gone.
  void open() {
    tables_.reset();
    tables_ = std::make_unique<JobTables>(connection_, policy_, ids_, store_random_);
    ASSERT_FALSE(connection_.trouble());
  }

  // Runs the change in a transaction, which is sometimes lost: then nobody is told that it
  // happened, as when the machine goes down before the commit.
  template <class F>
  auto in_transaction(F change) {
    using T = decltype(change());
    tables_->begin();
    EXPECT_TRUE(connection_.run("BEGIN IMMEDIATE"));
    std::optional<T> result = change();
    EXPECT_FALSE(connection_.trouble()) << connection_.trouble()->message;
    if (random_.below(20) == 0) {
      EXPECT_TRUE(connection_.run("ROLLBACK"));
      tables_->undone();
      return std::optional<T>();
    }
    EXPECT_TRUE(connection_.run("COMMIT"));
    // Committed, but the answer is lost on its way: the caller cannot know.
    if (random_.below(20) == 0) return std::optional<T>();
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
        if (random_.below(4) == 0) return open();
        // A worker dies; sometimes it was only slow, and comes back with what it had.
        if (random_.below(3) != 0) any_worker().held.clear();
        return;
      case 12:
        // Forwards by up to a minute, and sometimes back.
        return clock_.move(random_.below(10) == 0 ? -seconds(random_.below(40))
                                                  : milliseconds(random_.below(60'000)));
      default:
        in_transaction([&] { return tables_->tend(now(), 5); });
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
    if (random_.below(6) == 0) job.run_at = now() + seconds(random_.below(100));
    if (random_.below(8) == 0) job.deadline = now() + seconds(60 + random_.below(200));
    const auto told = in_transaction([&] { return tables_->submit(job, now()); });
    if (!told) {
      unsure_ = true;  // never accepted, or accepted without our knowing
      return;
    }
    if (!*told) {
      ASSERT_FALSE(job.idempotency_key.empty()) << (*told).error().message;
      return;
    }
    if ((*told)->existed) {
      ASSERT_TRUE(known_.contains((*told)->id) || unsure_) << "a key names a job nobody has seen";
    }
    known_[(*told)->id];
  }

  void claim() {
    Worker& worker = any_worker();
    ClaimRequest request{.worker = "w"};
    for (const char* callable : kCallables) request.queues.push_back({callable, random_.below(4)});
    auto told = in_transaction([&] { return tables_->claim(request, now()); });
    if (!told) return;
    for (Claimed& one : *told) {
      Known& known = known_[one.job.id];
      ASSERT_FALSE(known.terminal) << "a job that has ended was handed out";
      ASSERT_FALSE(known.cancelled) << "a cancelled job was handed out";
      ASSERT_GT(one.job.attempt, known.attempts) << "an attempt was handed out twice";
      ASSERT_EQ(one.input, "in");
      known.attempts = one.job.attempt;
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
    const std::string output = std::to_string(claimed.job.attempt);
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
    const auto told =
        in_transaction([&] { return tables_->finish(claimed.ticket(), outcome, now()); });
    if (!told || !*told) return;  // lost, or refused: both are no news
    Known& known = known_[claimed.job.id];
    ASSERT_EQ((*told)->attempt, claimed.job.attempt);
    ASSERT_EQ(claimed.job.attempt, known.attempts) << "an attempt that was over wrote";
    ASSERT_FALSE(known.cancelled) << "a cancelled job was changed";
    ASSERT_FALSE(known.terminal) << "a job ended twice";
    if (is_terminal((*told)->state)) known.terminal = (*told)->state;
    if ((*told)->state == JobState::kCompleted) known.output = output;
  }

  void extend() {
    Worker& worker = any_worker();
    if (worker.held.empty()) return;
    const Claimed& claimed = worker.held[random_.below(worker.held.size())];
    const auto told =
        in_transaction([&] { return tables_->extend(claimed.ticket(), policy_.lease, now()); });
    if (!told || !*told) return;
    const Known& known = known_[claimed.job.id];
    ASSERT_EQ(claimed.job.attempt, known.attempts) << "an attempt that was over was extended";
    ASSERT_FALSE(known.terminal || known.cancelled);
  }

  void cancel() {
    if (known_.empty()) return;
    auto it = known_.begin();
    std::advance(it, static_cast<long>(random_.below(known_.size())));
    const auto told = in_transaction([&] { return tables_->cancel(it->first, now()); });
    if (!told || !*told) return;
    ASSERT_EQ((*told)->state, JobState::kCancelled);
    ASSERT_FALSE(it->second.terminal) << "a job that had ended was cancelled";
    it->second.cancelled = true;
  }

  // Calm weather: everything that was accepted comes to its end, and is what we were told.
  void finish() {
    if (::testing::Test::HasFatalFailure()) return;
    JobReader reader(connection_);
    for (int round = 0; round < 200; ++round) {
      clock_.move(seconds(40));
      tables_->begin();
      ASSERT_TRUE(connection_.run("BEGIN IMMEDIATE"));
      while (tables_->tend(now(), 100)) {
      }
      const auto claimed = tables_->claim({{{"a", 100}, {"b", 100}}, "calm", {}}, now());
      for (const Claimed& one : claimed) {
        ASSERT_TRUE(
            tables_->finish(one.ticket(), Completed{std::to_string(one.job.attempt)}, now()));
      }
      ASSERT_TRUE(connection_.run("COMMIT"));
      const auto counts = tables_->counts();
      if (std::ranges::all_of(
              counts, [](const QueueCounts& c) { return c.pending == 0 && c.processing == 0; })) {
        break;
      }
    }
    for (const QueueCounts& counts : tables_->counts()) {
      ASSERT_EQ(counts.pending, 0U);
      ASSERT_EQ(counts.processing, 0U);
    }
    for (const auto& [id, known] : known_) {
      const auto view = reader.get(id, Store::Want::kOutput);
      ASSERT_TRUE(view) << "an accepted job is gone: " << id;
      const Job& job = view->job;
      ASSERT_TRUE(is_terminal(job.state)) << id;
      ASSERT_GE(job.attempt, known.attempts);
      if (known.terminal) {
        ASSERT_EQ(job.state, *known.terminal) << "a terminal state changed";
      }
      if (known.cancelled) {
        ASSERT_EQ(job.state, JobState::kCancelled);
      }
      if (!known.output.empty()) {
        ASSERT_EQ(view->output, known.output);
      }
      if (job.state == JobState::kCompleted) {
        ASSERT_EQ(view->output, std::to_string(job.attempt)) << "not the last attempt's output";
      }
      ASSERT_LE(job.returns.failures, policy_.retries + 1);
      ASSERT_LE(job.returns.lost_leases, policy_.poison_limit);
      ASSERT_LE(job.returns.failures + job.returns.lost_leases + job.returns.outages, job.attempt);
    }
  }

  Worker& any_worker() { return workers_[random_.below(workers_.size())]; }
  [[nodiscard]] WallTime now() const {
    return std::chrono::floor<std::chrono::milliseconds>(clock_.wall());
  }

  Random random_;
  ChosenClock clock_;
  SeededBytes bytes_;
  UuidSource ids_;
  Random store_random_;
  const JobPolicy policy_{.retention = std::chrono::days(365)};
  sqlite::Connection& connection_;
  std::unique_ptr<JobTables> tables_;
  std::vector<Worker> workers_;
  std::map<std::string, Known> known_;
  bool unsure_ = false;  // a submission may have been accepted without our knowing
};

// Sanitizers make it ten times as slow, and look for something else.
#if defined(__SANITIZE_ADDRESS__) || defined(SLUICE_TSAN)
constexpr std::uint64_t kSeeds = 500;
#else
constexpr std::uint64_t kSeeds = 10'000;
#endif

void simulate(std::uint64_t seed, sqlite::Connection& connection) {
  SCOPED_TRACE("repeat it with SLUICE_SEED=" + std::to_string(seed));
  for (const char* table : {"jobs", "inputs", "outputs", "idempotency", "paused"}) {
    ASSERT_TRUE(connection.run("DELETE FROM " + std::string(table)));
  }
  World(seed, connection).run(120);
}

TEST(JobSimulation, AccountsForEveryJobUnderTenThousandSeeds) {
  auto connection = sqlite::Connection::open(":memory:", sqlite::Connection::Mode::kCreate);
  ASSERT_TRUE(connection);
  ASSERT_TRUE(sqlite::migrate(**connection, job_schema()));
  if (const char* seed = std::getenv("SLUICE_SEED")) {
    return simulate(std::strtoull(seed, nullptr, 10), **connection);
  }
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    simulate(seed, **connection);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace sluice::jobs
