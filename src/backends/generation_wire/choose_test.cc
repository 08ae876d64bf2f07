#include "backends/generation_wire/choose.h"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::generation_wire {
namespace {

constexpr auto kRealtime = ServiceClass::kRealtime;
constexpr auto kBestEffort = ServiceClass::kBestEffort;
constexpr TimePoint kNow{std::chrono::hours(1)};

struct Case {
  std::string_view what;
  std::vector<EngineState> engines;
  ServiceClass service_class = kRealtime;
  std::uint64_t tried = 0;
  int expected = 0;  // the engine; -1 waits, -2 nobody
};

TEST(Choose, TakesTheIdlestThatIsFit) {
  const EngineState free{.slots = 2};
  const EngineState half{.slots = 2, .used = 1};
  const EngineState full{.slots = 2, .used = 2};
  const EngineState away{.slots = 2, .usable = false};
  const EngineState lacks{.slots = 2, .holds = Holds::kNo};
  const EngineState spare{.slots = 2, .best_effort_only = true};
  const EngineState kept{.slots = 2, .reserved = 1, .used = 1, .best_effort = 1};
  const EngineState shared{.slots = 2, .reserved = 1, .used = 1};
  const EngineState loaded{.slots = 2, .used = 1, .holds = Holds::kYes, .loaded = true};
  const EngineState refused{.slots = 2, .busy_until = kNow + std::chrono::seconds(1)};
  const EngineState fast{.slots = 2, .weight = 4, .used = 1};
  const Case cases[] = {
      {"the idlest", {half, free}, kRealtime, 0, 1},
      {"waits when all are full", {full, full}, kRealtime, 0, -1},
      {"one that is away is left out, also when the others are full",
       {full, away},
       kRealtime,
       0,
       -1},
      {"all are away: one is tried all the same", {away, away}, kRealtime, 1, 1},
      {"away or lacking: the one that can be reached", {away, lacks}, kRealtime, 0, 1},
      {"one without the model only when nobody has it", {lacks, full}, kRealtime, 0, -1},
      {"nobody is known to have it", {lacks}, kRealtime, 0, 0},
      {"the one that has it in memory, though busier", {free, loaded}, kRealtime, 0, 1},
      {"not the one that just refused", {refused, half}, kRealtime, 0, 1},
      {"the one that just refused rather than to wait", {refused, full}, kRealtime, 0, 0},
      {"weights count", {half, fast}, kRealtime, 0, 1},
      {"realtime waits rather than to use a spare one", {full, spare}, kRealtime, 0, -1},
      {"realtime uses a spare one when there is no other", {away, spare}, kRealtime, 0, 1},
      {"best effort keeps off spare ones while it can", {half, spare}, kBestEffort, 0, 0},
      {"best effort flows over to a spare one", {full, spare}, kBestEffort, 0, 1},
      {"best effort does not take the last slot of one that keeps it for realtime",
       {kept},
       kBestEffort,
       0,
       -1},
      {"but flows over to a spare one", {kept, spare}, kBestEffort, 0, 1},
      {"realtime takes it", {kept}, kRealtime, 0, 0},
      {"only what best effort holds counts against it", {shared}, kBestEffort, 0, 0},
      {"not again the one that failed", {free, half}, kRealtime, 1, 1},
      {"all failed", {free, half}, kRealtime, 3, -2},
      {"there are none", {}, kRealtime, 0, -2},
  };
  for (const Case& c : cases) {
    for (std::size_t turn = 0; turn < 3; ++turn) {
      const Choice choice = choose(c.engines, c.service_class, c.tried, kNow, turn);
      const int got = choice.kind == Choice::Kind::kEngine ? static_cast<int>(choice.engine)
                      : choice.kind == Choice::Kind::kWait ? -1
                                                           : -2;
      EXPECT_EQ(got, c.expected) << c.what;
    }
  }
}

TEST(Choose, PassesOverThoseThatJustRefusedWhereThatIsAsked) {
  const EngineState free{.slots = 2};
  const EngineState full{.slots = 2, .used = 2};
  const EngineState refused{.slots = 2, .busy_until = kNow + std::chrono::seconds(1)};
  const EngineState over{.slots = 2, .busy_until = kNow};
  const auto pass_over = [](const std::vector<EngineState>& engines) {
    return choose(engines, kRealtime, 0, kNow, 0, Busy::kPassOver);
  };
  EXPECT_EQ(pass_over({refused, full}).kind, Choice::Kind::kWait);
  EXPECT_EQ(pass_over({refused, free}).engine, 1U);
  EXPECT_EQ(pass_over({over}).kind, Choice::Kind::kEngine);
}

TEST(Choose, GoesRoundAmongEquals) {
  const std::vector<EngineState> engines(3);
  for (std::size_t turn = 0; turn < 6; ++turn) {
    EXPECT_EQ(choose(engines, kRealtime, 0, kNow, turn).engine, turn % 3);
  }
}

}  // namespace
}  // namespace sluice::generation_wire
