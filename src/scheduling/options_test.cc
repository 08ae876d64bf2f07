#include "scheduling/options.h"

#include <gtest/gtest.h>

#include "config/config.h"

namespace sluice::scheduling {
namespace {

SlotOptions read(std::string_view text, config::Problems& problems,
                 std::string_view classes = "{}") {
  const auto common = config::parse(classes, "classes.yaml", {}, problems);
  const auto tree = config::parse(text, "slots.yaml", {}, problems);
  const SlotOptions all = with_classes(config::read<SlotOptions>(tree.value(), problems),
                                       config::read<ClassesOptions>(common.value(), problems));
  validate_classes(all, problems);
  return all;
}

TEST(SlotOptions, ExpressTheTwoSlotsOfOneReserved) {
  config::Problems problems;
  const SlotOptions read_ones = read(
      "slots: 2\nreserved: 1\ndepth: 10\n"
      "realtime: {order: lifo}\n"
      "best_effort: {order: fifo, ageing_after: 60s, promote_after: 120s, share: 0.05}\n",
      problems);
  ASSERT_TRUE(problems.empty()) << problems.to_string();
  EXPECT_EQ(read_ones.most_of(ServiceClass::kRealtime), 2U);
  EXPECT_EQ(read_ones.most_of(ServiceClass::kBestEffort), 1U);
  EXPECT_EQ(read_ones.depth_of(ServiceClass::kRealtime), 10U);
  EXPECT_EQ(read_ones.realtime.order, Order::kLifo);
}

TEST(SlotOptions, HaveDefaultsOfEachClass) {
  const SlotOptions defaults;
  EXPECT_EQ(defaults.realtime.order, Order::kAdaptive);
  EXPECT_EQ(defaults.best_effort.order, Order::kFifo);
  EXPECT_EQ(defaults.reserved_slots(), 1U);
  const std::string shown = config::to_yaml(defaults);
  EXPECT_NE(shown.find("order: adaptive"), std::string::npos) << shown;
}

TEST(SlotOptions, ReserveNothingOfOneSlotAndNothingFromAnEngineThatPreempts) {
  SlotOptions one;
  one.slots = 1;
  EXPECT_EQ(one.most_of(ServiceClass::kBestEffort), 1U);
  one.preemption = Preemption::kFull;
  one.best_effort_slots = 3;
  EXPECT_EQ(one.most_of(ServiceClass::kBestEffort), 3U);
  EXPECT_EQ(one.most_of(ServiceClass::kRealtime), 1U);
}

TEST(SlotOptions, RefuseWhatContradictsItself) {
  const std::pair<const char*, const char*> cases[] = {
      {"{slots: 2, reserved: 2}", "best effort would never run"},
      {"{slots: 20, reserved: 19, best_effort: {share: 0.1}}", "a share of 0.1"},
      {"{preemption: full, reserved: 1}", "nothing is to be reserved"},
      {"{best_effort_slots: 2}", "only with preemption: full"},
      {"{best_effort: {ageing_after: 3m}}",
       "slots.yaml:1:15: best_effort: promote_after, 2m, is shorter than ageing_after, 3m"},
      {"{depth: 10001}", "10000"},
      {"{realtime: {share: 0.5}}", "share"},
  };
  for (const auto& [text, expected] : cases) {
    config::Problems problems;
    read(text, problems);
    EXPECT_NE(problems.to_string().find(expected), std::string::npos)
        << text << ": " << problems.to_string();
  }
}

TEST(SlotOptions, HaveOfAClassWhatAllHaveWhereTheySayNothing) {
  const std::string_view classes =
      "{realtime: {order: fifo, depth: 7}, best_effort: {ageing_after: 5s, promote_after: 6s}}";
  config::Problems problems;
  const SlotOptions plain = read("{slots: 3}", problems, classes);
  EXPECT_EQ(plain.slots, 3U);
  EXPECT_EQ(plain.realtime.order, Order::kFifo);
  EXPECT_EQ(plain.depth_of(ServiceClass::kRealtime), 7U);
  const SlotOptions own =
      read("{realtime: {order: lifo}, best_effort: {share: 0.2}}", problems, classes);
  EXPECT_EQ(own.realtime.order, Order::kLifo);
  EXPECT_EQ(own.realtime.depth, 7U);
  EXPECT_EQ(own.best_effort.share, 0.2);
  EXPECT_EQ(own.best_effort.promote_after, std::chrono::seconds(6));
  EXPECT_EQ(own.best_effort.queue_timeout, std::chrono::hours(1)) << "the built-in one";
  ASSERT_TRUE(problems.empty()) << problems.to_string();
  read("{best_effort: {promote_after: 4s}}", problems, classes);
  EXPECT_NE(problems.to_string().find("promote_after, 4s, is shorter"), std::string::npos);
}

}  // namespace
}  // namespace sluice::scheduling
