// The driver against machines and loads of all kinds, in simulated time.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <vector>

#include "backends/llama/driver.h"
#include "base/testing_seeds.h"

namespace sluice::llama {
namespace {

constexpr int kSeeds = sluice::testing::kSeeds;
constexpr int kParts = 16;  // run side by side

// A machine, a load, and what became of it.
class World {
 public:
  explicit World(std::uint32_t seed) : random_(seed) {
    options_ = {.step_tokens = pick({64, 256, 512}),
                .chunk_beside_decoding = pick({16, 64, 128}),
                .shared = chance(0.7),
                .realtime_wait = std::chrono::milliseconds(pick({20, 50, 200})),
                .realtime_slowdown = 1.0 + 0.01 * pick({0, 5, 20}),
                .best_effort_share = 0.01 * pick({2, 5, 20})};
    base_us_ = pick({200, 2000, 8000});
    token_us_ = pick({20, 300, 2000});
    context_ns_ = pick({0, 20, 500});
    // Some have people who never stop, some have none.
    realtime_every_ms_ = pick({0, 5, 300, 3000});
    driver_.emplace(options_);
  }

  void run() {
    const TimePoint end = now_ + std::chrono::seconds(10);
    TimePoint next_person = now_;
    std::size_t steps = 0;
    while (now_ < end && steps++ < 500) {
      if (realtime_every_ms_ != 0 && now_ >= next_person) {
        if (count(ServiceClass::kRealtime) < 4) add(ServiceClass::kRealtime, 1 + random_() % 200);
        next_person = now_ + std::chrono::milliseconds(1 + random_() % (2 * realtime_every_ms_));
      }
      if (count(ServiceClass::kBestEffort) < 2) {
        add(ServiceClass::kBestEffort, 1 + random_() % 2000);
      }
      step();
      if (::testing::Test::HasFailure()) return;
    }
    check_share();
  }

 private:
  struct Sequence {
    SequenceView view;
    std::uint32_t to_write = 0;
    bool seen = false;  // it has been there when a step was planned
  };

  template <class T = std::uint32_t>
  T pick(std::initializer_list<std::uint32_t> from) {
    return static_cast<T>(*(from.begin() + random_() % from.size()));
  }
  bool chance(double p) { return std::uniform_real_distribution()(random_) < p; }
  std::size_t count(ServiceClass of) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        sequences_, [&](const Sequence& s) { return s.view.service_class == of; }));
  }
  void add(ServiceClass of, std::uint32_t prompt) {
    driver_->arrived(of, now_);
    sequences_.push_back({.view = {.id = next_id_++,
                                   .service_class = of,
                                   .prompt_left = prompt,
                                   .position = 0,
                                   .order = order_++},
                          .to_write = 1 + static_cast<std::uint32_t>(random_() % 40)});
  }
  Duration cost(const StepSize& size) {
    const double noise = std::uniform_real_distribution(0.97, 1.03)(random_);
    const double us = base_us_ + static_cast<double>(token_us_) * size.tokens +
                      static_cast<double>(context_ns_) * static_cast<double>(size.context) / 1000;
    return std::chrono::microseconds(static_cast<std::int64_t>(us * noise));
  }

  void step() {
    std::vector<SequenceView> views;
    for (const Sequence& s : sequences_) views.push_back(s.view);
    const StepPlan plan = driver_->plan(views);
    ASSERT_EQ(plan.empty(), views.empty()) << "it stands still with work to do";
    if (plan.empty()) {
      now_ += std::chrono::milliseconds(1);
      return;
    }
    std::uint32_t tokens = 0;
    bool best_effort_prompt = false;
    bool realtime_works = false;
    for (const auto& work : plan.work) {
      const auto it =
          std::ranges::find(sequences_, work.id, [](const Sequence& s) { return s.view.id; });
      ASSERT_NE(it, sequences_.end());
      ASSERT_GE(work.tokens, 1U);
      ASSERT_LE(work.tokens, std::max(1U, it->view.prompt_left));
      tokens += work.tokens;
      if (it->view.service_class == ServiceClass::kRealtime) realtime_works = true;
      best_effort_prompt |=
          it->view.service_class == ServiceClass::kBestEffort && it->view.prompt_left != 0;
    }
    ASSERT_EQ(tokens, plan.size.tokens);
    ASSERT_LE(tokens, options_.step_tokens);
    ASSERT_EQ(realtime_works, plan.realtime);
    if (options_.shared) {
      ASSERT_FALSE(realtime_works && best_effort_prompt)
          << "a prompt nobody waits for is in the way";
    }
    const Duration took = cost(plan.size);
    const bool best_effort = count(ServiceClass::kBestEffort) != 0;
    // Once it knows the machine, nobody waits for longer than promised: a single token may take
    // longer by itself, and then it is one.
    if (options_.shared && !plan.realtime && steps_ > 200 && plan.size.tokens > 2) {
      ASSERT_LE(to_ms(took), 1.3 * to_ms(options_.realtime_wait) + 1);
    }
    ++steps_;
    driver_->stepped(plan, took, best_effort);
    now_ += took;
    if (best_effort) {
      (plan.realtime ? realtime_ : best_effort_) += took;
      longest_ = std::max(longest_, took);
    }
    for (const auto& work : plan.work) {
      const auto it =
          std::ranges::find(sequences_, work.id, [](const Sequence& s) { return s.view.id; });
      it->view.position += work.tokens;
      if (it->view.prompt_left > 0) {
        it->view.prompt_left -= work.tokens;
        if (it->view.prompt_left != 0) continue;
      }
      if (--it->to_write == 0) sequences_.erase(it);
    }
  }

  // What best effort got while it waited, but for a step that is still owed.
  void check_share() {
    if (!options_.shared) return;
    const double all = to_seconds(realtime_ + best_effort_);
    const double owed = all * options_.best_effort_share - to_seconds(best_effort_);
    EXPECT_LE(owed, 2 * to_seconds(longest_) + to_seconds(options_.realtime_wait) +
                        0.05 * all * options_.best_effort_share);
  }

  std::mt19937 random_;
  DriverOptions options_;
  std::optional<Driver> driver_;
  std::uint32_t base_us_ = 0;
  std::uint32_t token_us_ = 0;
  std::uint32_t context_ns_ = 0;
  std::uint32_t realtime_every_ms_ = 0;
  TimePoint now_{std::chrono::hours(1)};
  std::vector<Sequence> sequences_;
  std::uint32_t next_id_ = 0;
  std::uint64_t order_ = 0;
  std::size_t steps_ = 0;
  Duration realtime_{};
  Duration best_effort_{};
  Duration longest_{};
};

class DriverSimulation : public ::testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(, DriverSimulation, ::testing::Range(0, kParts));

TEST_P(DriverSimulation, KeepsItsPromisesOnEveryMachineUnderEveryLoad) {
  int first = GetParam() * (kSeeds / kParts);
  int last = first + kSeeds / kParts;
  if (const char* one = std::getenv("SLUICE_SEED")) {
    first = std::atoi(one);
    last = first + 1;
  }
  for (int seed = first; seed < last; ++seed) {
    World world(static_cast<std::uint32_t>(seed));
    world.run();
    ASSERT_FALSE(HasFailure()) << "SLUICE_SEED=" << seed;
  }
}

}  // namespace
}  // namespace sluice::llama
