#include "app/model_slots.h"

#include <gtest/gtest.h>

#include "backends/llama/model.h"
#include "inference/testing_callable.h"

namespace sluice::app {
namespace {

using scheduling::Preemption;
using scheduling::SlotOptions;

ModelOptions language_model(llama::Sharing sharing, std::optional<SlotOptions> slots = {}) {
  return {.backend = llama::LlamaOptions{.sharing = sharing}, .slots = std::move(slots)};
}
SlotOptions slots_for(const ModelOptions& model) {
  return slots_of(model, {}, nullptr).value();
}

TEST(ModelSlots, AreAsManyAsALanguageModelWritesAnswersSideBySide) {
  const SlotOptions slots = slots_for(language_model(llama::Sharing::kSplit));
  EXPECT_EQ(slots.preemption, Preemption::kFull);
  EXPECT_EQ(slots.slots, 2U);
  EXPECT_EQ(slots.best_effort_slots, 2U);
  EXPECT_EQ(slots.best_effort.share, 0.05);
}

TEST(ModelSlots, LeaveBestEffortOfALanguageModelWhatIsNotReserved) {
  const SlotOptions slots =
      slots_for(language_model(llama::Sharing::kSplit, SlotOptions{.slots = 2, .reserved = 1}));
  EXPECT_EQ(slots.slots, 2U);
  EXPECT_EQ(slots.most_of(ServiceClass::kBestEffort), 1U);
  EXPECT_EQ(slots.most_of(ServiceClass::kRealtime), 2U);
}

TEST(ModelSlots, HoldNobodyBackForAShareThatTheEngineGives) {
  const ModelOptions model = language_model(llama::Sharing::kShared);
  EXPECT_EQ(slots_for(model).best_effort.share, 0);
  EXPECT_EQ(best_effort_share_of(model, {}), 0.05);
}

TEST(ModelSlots, AreThoseOfTheEnginesBehindAWire) {
  openai::OpenAiOptions wire;
  wire.urls = {"http://a", "http://b"};
  wire.engine_slots = 3;
  wire.engines = {{.url = "http://c", .slots = 2, .best_effort_only = true}};
  wire.max_waiting = 7;
  const SlotOptions slots = slots_for({.backend = wire, .slots = {}});
  EXPECT_EQ(slots.preemption, Preemption::kNone);
  EXPECT_EQ(slots.most_of(ServiceClass::kRealtime), 6U);
  EXPECT_EQ(slots.most_of(ServiceClass::kBestEffort), 6U) << "one of a's and one of b's is kept";
  EXPECT_EQ(slots.slots, 8U);
  EXPECT_EQ(slots.depth, 7U);
  wire.engines[0].best_effort_only = true;
  wire.urls.clear();
  EXPECT_EQ(slots_for({.backend = wire, .slots = {}}).most_of(ServiceClass::kRealtime), 2U)
      << "where there are no others";
}

TEST(ModelSlots, AreNoneBeforeWhatIsShort) {
  EXPECT_FALSE(slots_of({.backend = OnnxModelOptions(), .slots = {}}, {}, nullptr));
  const auto own =
      slots_of({.backend = OnnxModelOptions(), .slots = SlotOptions{.slots = 5}}, {}, nullptr);
  EXPECT_EQ(own.value().slots, 5U);
}

TEST(ModelSlots, MayNotBeMoreThanAModelHasPlacesFor) {
  const auto problems_of = [](const SlotOptions& slots, RequestKind takes) {
    sluice::testing::FakeCallable made("m");
    made.description.takes = takes;
    config::Problems problems;
    check_slots(language_model(llama::Sharing::kSplit, slots), &made, problems);
    return problems.empty() ? "" : problems.to_string();
  };
  EXPECT_EQ(problems_of({.slots = 2}, RequestKind::kGenerate), "");
  EXPECT_NE(problems_of({.slots = 5}, RequestKind::kGenerate)
                .find("'m' computes 2 realtime calls side by side, 3 would wait inside of it"),
            std::string::npos);
  EXPECT_EQ(problems_of({.slots = 5}, RequestKind::kEmbed), "");
}

}  // namespace
}  // namespace sluice::app
