// What the outside world of a simulation knows of each job: what it was told, and nothing else; and
// what must hold of it whatever happened. No part of the product.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/random.h"
#include "base/testing_seeds.h"
#include "jobs/testing_steps.h"

namespace sluice::jobs::testing {

class Ledger {
 public:
  // Its submission was answered.
  void accepted(const std::string& id) { known_[id]; }
  [[nodiscard]] bool knows(const std::string& id) const { return known_.contains(id); }
  [[nodiscard]] bool empty() const { return known_.empty(); }
  [[nodiscard]] std::size_t size() const { return known_.size(); }

  void handed_out(const Job& job) {
    Known& known = known_[job.id];
    ASSERT_FALSE(known.terminal) << "a job that has ended was handed out: " << job.id;
    ASSERT_FALSE(known.cancelled) << "a cancelled job was handed out: " << job.id;
    ASSERT_GT(job.attempt, known.attempts) << "an attempt was handed out twice: " << job.id;
    known.attempts = job.attempt;
  }
  void extended(const Ticket& ticket) {
    const Known& known = known_[ticket.id];
    ASSERT_EQ(ticket.attempt, known.attempts) << "an attempt that was over was extended";
    ASSERT_FALSE(known.terminal || known.cancelled);
  }
  // The store took the end of this attempt; the job is so now.
  void ended(const Ticket& ticket, const Job& after, const std::string& output) {
    Known& known = known_[ticket.id];
    ASSERT_EQ(after.attempt, ticket.attempt);
    ASSERT_EQ(ticket.attempt, known.attempts) << "an attempt that was over wrote";
    ASSERT_FALSE(known.cancelled) << "a cancelled job was changed";
    ASSERT_FALSE(known.terminal) << "a job ended twice";
    if (is_terminal(after.state)) known.terminal = after.state;
    if (after.state == JobState::kCompleted) known.output = output;
  }
  void cancelled(const std::string& id, const Job& after) {
    ASSERT_EQ(after.state, JobState::kCancelled);
    ASSERT_FALSE(known_[id].terminal) << "a job that had ended was cancelled";
    known_[id].cancelled = true;
  }
  // Not of none.
  [[nodiscard]] const std::string& any(Random& random) const {
    return std::next(known_.begin(), static_cast<long>(random.below(known_.size())))->first;
  }

  // When all has come to its end: every job is what was told of it.
  void check(StoreSteps& steps) const {
    for (const QueueCounts& counts : steps.counts()) {
      ASSERT_EQ(counts.pending, 0U) << counts.callable;
      ASSERT_EQ(counts.processing, 0U) << counts.callable;
    }
    for (const auto& [id, known] : known_) {
      const auto view = steps.get(id);
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
        ASSERT_EQ(view->output, output_of(job)) << "not the last attempt's output";
      }
      const JobPolicy& policy = kSimulatedPolicy;
      ASSERT_LE(job.returns.failures, policy.retries + 1);
      ASSERT_LE(job.returns.lost_leases, policy.poison_limit);
      ASSERT_LE(job.returns.failures + job.returns.lost_leases + job.returns.outages, job.attempt);
    }
  }
  // What an attempt writes when it succeeds.
  static std::string output_of(const Job& job) { return std::to_string(job.attempt); }

 private:
  struct Known {
    std::optional<JobState> terminal;  // as it was told by a write that succeeded
    bool cancelled = false;            // a cancellation was acknowledged
    std::uint32_t attempts = 0;        // highest seen
    std::string output;                // of the completion that was acknowledged
  };
  std::map<std::string, Known> known_;
};

using sluice::testing::kSeeds;

// Parts into which the seeds are divided, so that several processes share them.
inline constexpr std::uint64_t kParts = 16;

// Runs `world(seed)` for each of this part's seeds below `seeds`, or for that of SLUICE_SEED alone.
template <class World>
void for_each_seed(std::uint64_t part, std::uint64_t seeds, World world) {
  const auto run = [&](std::uint64_t seed) {
    SCOPED_TRACE("repeat it with SLUICE_SEED=" + std::to_string(seed));
    world(seed);
  };
  if (const char* chosen = std::getenv("SLUICE_SEED")) {
    const std::uint64_t seed = std::strtoull(chosen, nullptr, 10);
    if (seed % kParts == part) run(seed);
    return;
  }
  for (std::uint64_t seed = part; seed < seeds; seed += kParts) {
    run(seed);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

// A store's logic, and a part of the seeds.
class SimulationTest
    : public ::testing::TestWithParam<
          std::tuple<std::pair<const char*, std::unique_ptr<StoreSteps> (*)()>, std::uint64_t>> {
 protected:
  template <class World>
  static void for_each_seed(std::uint64_t seeds, World world) {
    const auto& [store, part] = GetParam();
    const auto steps = store.second();
    testing::for_each_seed(part, seeds, [&](std::uint64_t seed) { world(seed, *steps); });
  }
  // Each question is a call of a real server.
  [[nodiscard]] static bool is_slow() {
    return std::string_view(std::get<0>(GetParam()).first) == "redis";
  }
};
inline auto all_simulations() {
  return ::testing::Combine(::testing::Values(std::pair{"sqlite", &make_sqlite_steps},
                                              std::pair{"redis", &make_redis_steps}),
                            ::testing::Range(std::uint64_t{0}, kParts));
}
inline std::string simulation_name(
    const ::testing::TestParamInfo<SimulationTest::ParamType>& info) {
  const auto& [store, part] = info.param;
  return std::string(store.first) + std::to_string(part);
}

}  // namespace sluice::jobs::testing
