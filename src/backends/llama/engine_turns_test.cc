// Who gets a place and a step where both classes share a context, in time that steps take.
#include <gtest/gtest.h>

#include <atomic>

#include "backends/llama/engine.h"
#include "backends/llama/testing_engine.h"
#include "backends/llama/testing_home.h"

namespace sluice::llama {
namespace {

using testing::answer_to;
using testing::Caller;
using testing::FakeContext;
using testing::FakePrompter;
using testing::Gate;
using testing::Home;
using testing::Seen;
using testing::tokens_of;

// A millisecond later whenever it is looked at, so that every step takes one.
class SteppingClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override {
    return TimePoint(std::chrono::hours(1)) + std::chrono::milliseconds(++looks_);
  }
  [[nodiscard]] WallTime wall() const override { return {}; }

 private:
  mutable std::atomic<int> looks_ = 0;
};

class EngineTurnsTest : public ::testing::Test {
 protected:
  void make(std::uint32_t sequences) {
    engine_ = std::make_unique<Engine>(
        EngineOptions{.model = "fake",
                      .driver = {.shared = true, .realtime_wait = std::chrono::milliseconds(5)},
                      .metrics = engine_metrics(metrics_, "fake")},
        std::make_unique<FakeContext>(sequences, 4096, gate_, seen_),
        std::make_unique<FakePrompter>(), clock_, nullptr);
  }
  void start(Caller& caller, std::string prompt, std::uint32_t tokens, std::uint32_t choices,
             ServiceClass of) {
    GenerateRequest request;
    request.prompt = std::move(prompt);
    request.max_tokens = tokens;
    request.choices = choices;
    request.stream = true;
    const Call call{.home = &home_, .service_class = of, .tenant = "a"};
    engine_->submit(std::make_shared<EngineCall>(call, make_request(std::move(request)), caller));
  }
  void wait(Caller& caller) {
    home_.run_until([&] { return caller.done(); });
  }
  void TearDown() override { EXPECT_FALSE(seen_.wrong_position); }

  SteppingClock clock_;
  telemetry::Metrics metrics_;
  Home home_;
  Gate gate_;
  Seen seen_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTurnsTest, BestEffortGetsAPlaceNowAndThenFromRealtimeThatWantsThemAll) {
  make(2);
  gate_.close();
  Caller people;
  start(people, "many answers", 100, 8, ServiceClass::kRealtime);
  Caller background;
  start(background, "no hurry", 20, 1, ServiceClass::kBestEffort);
  gate_.open();
  wait(people);
  EXPECT_GE(background.parts, 1U) << "while they were answered";
  EXPECT_FALSE(background.done());
  wait(background);
  EXPECT_EQ(background.text(), answer_to(tokens_of("no hurry"), 20));
  EXPECT_EQ(people.text(), answer_to(tokens_of("many answers"), 100));
}

}  // namespace
}  // namespace sluice::llama
