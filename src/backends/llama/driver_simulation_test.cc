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
    places_ = pick<std::size_t>({1, 3, 6});
    answers_ = pick({1, 1, 4});
    driver_.emplace(options_);
  }

  void run() {
    const TimePoint end = now_ + std::chrono::seconds(10);
    next_person_ = now_;
    std::size_t steps = 0;
    while (now_ < end && steps++ < 500) {
      people_come();
      if (count(ServiceClass::kBestEffort) < 2) {
        add(ServiceClass::kBestEffort, 1 + random_() % 2000, now_);
      }
      seat();
      step();
      if (::testing::Test::HasFailure()) return;
    }
    check_share();
  }

 private:
  struct Sequence {
    SequenceView view;
    std::uint32_t to_write = 0;
    bool seated = false;
    // Steps of best effort alone that it has waited for since it came or last saw one of realtime.
    int waited = 0;
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
  Sequence& by_id(std::uint32_t id) {
    return *std::ranges::find(sequences_, id, [](const Sequence& s) { return s.view.id; });
  }
  // Those who have come by now, also in the middle of the last step.
  void people_come() {
    if (realtime_every_ms_ == 0) return;
    while (next_person_ <= now_) {
      if (count(ServiceClass::kRealtime) < 4) {
        const std::uint32_t prompt = 1 + static_cast<std::uint32_t>(random_() % 200);
        for (std::uint32_t i = 0; i < answers_; ++i) {
          add(ServiceClass::kRealtime, prompt, next_person_);
        }
      }
      next_person_ += std::chrono::milliseconds(1 + random_() % (2 * realtime_every_ms_));
    }
  }
  void add(ServiceClass of, std::uint32_t prompt, TimePoint at) {
    driver_->arrived(of, at);
    sequences_.push_back({.view = {.id = next_id_++,
                                   .service_class = of,
                                   .prompt_left = prompt,
                                   .position = 0,
                                   .order = order_++},
                          .to_write = 1 + static_cast<std::uint32_t>(random_() % 40),
                          .waited = alone_until_ > at ? 1 : 0});
  }
  std::vector<SequenceView> seated() const {
    std::vector<SequenceView> views;
    for (const Sequence& s : sequences_) {
      if (s.seated) views.push_back(s.view);
    }
    return views;
  }
  // As the engine does.
  void seat() {
    const auto free = [&] { return seated().size() < places_; };
    const auto has_none = [](ServiceClass of) {
      return [of](const Sequence& s) { return !s.seated && s.view.service_class == of; };
    };
    if (driver_->next_place_for(seated()) == ServiceClass::kBestEffort && free()) {
      const auto first = std::ranges::find_if(sequences_, has_none(ServiceClass::kBestEffort));
      if (first != sequences_.end()) first->seated = true;
    }
    for (const ServiceClass turn : {ServiceClass::kRealtime, ServiceClass::kBestEffort}) {
      for (Sequence& s : sequences_) {
        if (!has_none(turn)(s)) continue;
        if (!free()) {
          if (turn == ServiceClass::kBestEffort || !options_.shared) return;
          const auto parked = driver_->to_park(seated(), now_);
          if (!parked) return;
          ASSERT_EQ(by_id(*parked).view.service_class, ServiceClass::kBestEffort);
          by_id(*parked).seated = false;
        }
        s.seated = true;
      }
    }
  }
  Duration cost(const StepSize& size) {
    const double noise = std::uniform_real_distribution(0.97, 1.03)(random_);
    const double us = base_us_ + static_cast<double>(token_us_) * size.tokens +
                      static_cast<double>(context_ns_) * static_cast<double>(size.context) / 1000;
    return std::chrono::microseconds(static_cast<std::int64_t>(us * noise));
  }

  void step() {
    const std::vector<SequenceView> views = seated();
    const StepPlan plan = driver_->plan(views, now_);
    ASSERT_EQ(plan.empty(), sequences_.empty()) << "it stands still with work to do";
    if (plan.empty()) {
      now_ += std::chrono::milliseconds(1);
      return;
    }
    check(plan);
    const Duration took = cost(plan.size);
    // Once it knows the machine, nobody waits for longer than promised: a single token may take
    // longer by itself, and then it is one.
    if (options_.shared && !plan.realtime && ++alone_ > kLearning && plan.size.tokens > 2) {
      ASSERT_LE(to_ms(took), 1.3 * to_ms(options_.realtime_wait) + 1);
    }
    for (Sequence& s : sequences_) {
      if (s.view.service_class != ServiceClass::kRealtime) continue;
      s.waited = plan.realtime ? 0 : s.waited + 1;
      if (options_.shared) {
        ASSERT_LE(s.waited, 1) << "realtime waits for a second step";
      }
    }
    driver_->stepped(plan, took, count(ServiceClass::kBestEffort) != 0);
    now_ += took;
    if (!plan.realtime) alone_until_ = now_;
    if (std::ranges::any_of(views, [](const SequenceView& s) {
          return s.service_class == ServiceClass::kBestEffort;
        })) {
      (plan.realtime ? realtime_ : best_effort_) += took;
      longest_ = std::max(longest_, took);
    }
    advance(plan);
  }

  void check(const StepPlan& plan) {
    std::uint32_t tokens = 0;
    bool best_effort_prompt = false;
    bool realtime_works = false;
    for (const auto& work : plan.work) {
      const Sequence& s = by_id(work.id);
      ASSERT_TRUE(s.seated);
      ASSERT_GE(work.tokens, 1U);
      ASSERT_LE(work.tokens, std::max(1U, s.view.prompt_left));
      tokens += work.tokens;
      if (s.view.service_class == ServiceClass::kRealtime) realtime_works = true;
      best_effort_prompt |=
          s.view.service_class == ServiceClass::kBestEffort && s.view.prompt_left != 0;
    }
    ASSERT_EQ(tokens, plan.size.tokens);
    ASSERT_LE(tokens, options_.step_tokens);
    ASSERT_EQ(realtime_works, plan.realtime);
    if (options_.shared) {
      ASSERT_FALSE(realtime_works && best_effort_prompt)
          << "a prompt nobody waits for is in the way";
    }
  }

  void advance(const StepPlan& plan) {
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

  // What best effort got while it had a place, but for a step that is still owed.
  void check_share() {
    if (!options_.shared) return;
    const double all = to_seconds(realtime_ + best_effort_);
    const double owed = all * options_.best_effort_share - to_seconds(best_effort_);
    EXPECT_LE(owed, 2 * to_seconds(longest_) + to_seconds(options_.realtime_wait) +
                        0.05 * all * options_.best_effort_share);
  }

  // Steps of best effort that a driver needs to know a machine.
  static constexpr std::size_t kLearning = 10;

  std::mt19937 random_;
  DriverOptions options_;
  std::optional<Driver> driver_;
  std::uint32_t base_us_ = 0;
  std::uint32_t token_us_ = 0;
  std::uint32_t context_ns_ = 0;
  std::uint32_t realtime_every_ms_ = 0;
  std::size_t places_ = 0;
  std::uint32_t answers_ = 1;  // that a person wants
  TimePoint now_{std::chrono::hours(1)};
  TimePoint next_person_{};
  TimePoint alone_until_{};  // the end of the last step of best effort alone
  std::vector<Sequence> sequences_;
  std::uint32_t next_id_ = 0;
  std::uint64_t order_ = 0;
  std::size_t alone_ = 0;  // steps of best effort
  Duration realtime_{};    // while best effort had a place
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
