#include "scheduling/slot_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace sluice::scheduling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto kHigh = ServiceClass::kRealtime;
constexpr auto kLow = ServiceClass::kBestEffort;

// A queue, its time, and what it told since it was last asked.
class Bench {
 public:
  explicit Bench(const SlotOptions& options) : queue(options, "llm") {}

  void arrive(TicketId ticket, ServiceClass service_class, std::string_view tenant = "",
              Deadline deadline = {}) {
    queue.arrive(
        {.ticket = ticket, .service_class = service_class, .tenant = tenant, .deadline = deadline},
        now, told);
  }
  void finish(TicketId ticket) { queue.finish(ticket, now, 1.0, told); }
  // Moves time, and polls at every timer on the way.
  void advance(Duration by) {
    const TimePoint end = now + by;
    while (true) {
      const auto at = queue.next_timer();
      if (!at || *at > end) break;
      now = std::max(now, *at);
      queue.poll(now, told);
    }
    now = end;
  }
  std::vector<TicketId> started() {
    std::vector<TicketId> tickets;
    for (const Started& one : told.started) tickets.push_back(one.ticket);
    told.started.clear();
    return tickets;
  }
  std::vector<std::pair<TicketId, Refusal>> refused() {
    std::vector<std::pair<TicketId, Refusal>> tickets;
    for (const Refused& one : told.refused) tickets.emplace_back(one.ticket, one.refusal);
    told.refused.clear();
    return tickets;
  }

  SlotQueue queue;
  TimePoint now{std::chrono::hours(1)};
  Actions told;
};

SlotOptions seed_options() {
  SlotOptions options;
  options.slots = 2;
  options.reserved = 1;
  options.depth = 10;
  options.realtime.order = Order::kFifo;
  return options;
}

TEST(SlotQueue, StartsAtOnceWhatFindsASlot) {
  Bench bench(seed_options());
  bench.arrive(1, kHigh);
  bench.arrive(2, kHigh);
  bench.arrive(3, kHigh);
  EXPECT_THAT(bench.started(), ElementsAre(1, 2));
  EXPECT_EQ(bench.queue.waiting(kHigh), 1U);
  bench.finish(1);
  EXPECT_THAT(bench.started(), ElementsAre(3));
}

TEST(SlotQueue, KeepsTheReservedSlotFreeOfBestEffort) {
  Bench bench(seed_options());
  bench.arrive(1, kLow);
  bench.arrive(2, kLow);
  EXPECT_THAT(bench.started(), ElementsAre(1));
  bench.arrive(3, kHigh);
  EXPECT_THAT(bench.started(), ElementsAre(3));
}

TEST(SlotQueue, RefusesOneMoreThanItsDepthAndSaysWhenToComeBack) {
  SlotOptions options = seed_options();
  options.depth = 1;
  Bench bench(options);
  for (TicketId t = 1; t <= 4; ++t) bench.arrive(t, kHigh);
  ASSERT_EQ(bench.told.refused.size(), 1U);
  const Refused& refused = bench.told.refused[0];
  EXPECT_EQ(refused.ticket, 4U);
  EXPECT_EQ(refused.error.code, ErrorCode::kExhausted);
  EXPECT_TRUE(refused.error.message.starts_with("queue full")) << refused.error.message;
  EXPECT_TRUE(refused.error.retry_after);
}

TEST(SlotQueue, WithoutDepthTakesOnlyWhatRunsAtOnce) {
  SlotOptions options = seed_options();
  options.depth = 0;
  Bench bench(options);
  for (TicketId t = 1; t <= 3; ++t) bench.arrive(t, kHigh);
  EXPECT_THAT(bench.started(), ElementsAre(1, 2));
  EXPECT_THAT(bench.refused(), ElementsAre(std::pair(3, Refusal::kQueueFull)));
}

TEST(SlotQueue, GivesAPlaceInAFullQueueToTheTenantWithFewer) {
  SlotOptions options = seed_options();
  options.depth = 3;
  Bench bench(options);
  for (TicketId t = 1; t <= 5; ++t) bench.arrive(t, kHigh, "flood");
  bench.arrive(6, kHigh, "guest");
  EXPECT_THAT(bench.refused(), ElementsAre(std::pair(5, Refusal::kQueueFull)));
  bench.started();
  bench.finish(1);
  EXPECT_THAT(bench.started(), ElementsAre(6));  // who got less, too
}

TEST(SlotQueue, RefusesWhoHasWaitedAsLongAsItsClassMay) {
  SlotOptions options = seed_options();
  options.realtime.queue_timeout = seconds(5);
  Bench bench(options);
  for (TicketId t = 1; t <= 3; ++t) bench.arrive(t, kHigh);
  bench.advance(seconds(4));
  EXPECT_THAT(bench.refused(), IsEmpty());
  bench.advance(seconds(1));
  ASSERT_EQ(bench.told.refused.size(), 1U);
  EXPECT_EQ(bench.told.refused[0].error.code, ErrorCode::kTimeout);
  EXPECT_THAT(bench.refused(), ElementsAre(std::pair(3, Refusal::kQueueTimeout)));
}

TEST(SlotQueue, RefusesAtOnceWhoCannotBeInTime) {
  Bench bench(seed_options());
  for (TicketId t = 1; t <= 8; ++t) {  // it learns that a call takes 4 s
    bench.arrive(t, kHigh);
    bench.advance(seconds(4));
    bench.finish(t);
  }
  bench.arrive(10, kHigh);
  bench.arrive(11, kHigh);
  bench.arrive(12, kHigh, "", Deadline(bench.now + seconds(7)));
  EXPECT_THAT(bench.refused(), IsEmpty());  // a slot may be free in 3 s
  bench.arrive(13, kHigh);
  bench.arrive(14, kHigh, "", Deadline(bench.now + seconds(7)));
  ASSERT_EQ(bench.told.refused.size(), 1U);
  EXPECT_EQ(bench.told.refused[0].error.code, ErrorCode::kUnavailable);
  EXPECT_THAT(bench.refused(), ElementsAre(std::pair(14, Refusal::kHopeless)));
  bench.advance(seconds(3));  // now no slot would help
  EXPECT_THAT(bench.refused(), ElementsAre(std::pair(12, Refusal::kHopeless)));
}

TEST(SlotQueue, RefusesAtItsDeadlineWhoWasPromisedNothing) {
  Bench bench(seed_options());
  bench.arrive(1, kHigh);
  bench.arrive(2, kHigh);
  bench.arrive(3, kHigh, "", Deadline(bench.now + seconds(1)));
  bench.arrive(4, kHigh, "", Deadline(bench.now));
  EXPECT_THAT(bench.refused(), ElementsAre(std::pair(4, Refusal::kDeadline)));
  bench.advance(seconds(1));
  EXPECT_THAT(bench.refused(), ElementsAre(std::pair(3, Refusal::kDeadline)));
}

TEST(SlotQueue, TurnsToTheNewestAndShedsTheOldWhenMoreComeThanCanBeServed) {
  SlotOptions options = seed_options();
  options.realtime.order = Order::kAdaptive;
  options.realtime.codel_target = milliseconds(500);
  options.realtime.codel_interval = seconds(2);
  options.depth = 100;
  Bench bench(options);
  TicketId next = 1;
  for (; next <= 6; ++next) bench.arrive(next, kHigh);
  EXPECT_THAT(bench.started(), ElementsAre(1, 2));
  bench.advance(milliseconds(1000));
  bench.finish(1);
  EXPECT_THAT(bench.started(), ElementsAre(3));  // still in order
  bench.advance(milliseconds(900));
  bench.arrive(7, kHigh);
  EXPECT_THAT(bench.refused(), IsEmpty());
  bench.advance(milliseconds(100));
  EXPECT_THAT(bench.refused(),
              ElementsAre(std::pair(4, Refusal::kShed), std::pair(5, Refusal::kShed),
                          std::pair(6, Refusal::kShed)));
  bench.arrive(8, kHigh);
  bench.finish(2);
  EXPECT_THAT(bench.started(), ElementsAre(8));
  bench.advance(milliseconds(400));
  EXPECT_THAT(bench.refused(), ElementsAre(std::pair(7, Refusal::kShed)));
}

TEST(SlotQueue, InAFullQueueLetsTheNewGoBeforeTheOldWhenMoreComeThanCanBeServed) {
  SlotOptions options = seed_options();
  options.realtime.order = Order::kAdaptive;
  options.realtime.codel_target = seconds(60);
  options.realtime.codel_interval = seconds(2);
  options.depth = 2;
  Bench bench(options);
  for (TicketId t = 1; t <= 4; ++t) bench.arrive(t, kHigh);
  bench.arrive(5, kHigh);
  EXPECT_THAT(bench.refused(), ElementsAre(std::pair(5, Refusal::kQueueFull)));
  bench.advance(seconds(2));
  bench.arrive(6, kHigh);
  EXPECT_THAT(bench.refused(), ElementsAre(std::pair(3, Refusal::kShed)));
}

TEST(SlotQueue, ForgetsWhoIsCancelledAndKeepsTheSlotOfWhoRuns) {
  Bench bench(seed_options());
  for (TicketId t = 1; t <= 3; ++t) bench.arrive(t, kHigh);
  EXPECT_TRUE(bench.queue.cancel(3, bench.now, bench.told));
  EXPECT_FALSE(bench.queue.cancel(1, bench.now, bench.told));
  EXPECT_FALSE(bench.queue.cancel(99, bench.now, bench.told));
  EXPECT_EQ(bench.queue.held(kHigh), 2U);
  bench.finish(1);
  bench.finish(1);
  EXPECT_EQ(bench.queue.held(kHigh), 1U);
}

TEST(SlotQueue, GivesBestEffortItsShareUnderEndlessRealtime) {
  for (const Order order : {Order::kFifo, Order::kLifo}) {
    SlotOptions options = seed_options();
    options.best_effort.order = order;
    Bench bench(options);
    TicketId next = 1000;
    bench.arrive(next++, kHigh);
    bench.arrive(next++, kHigh);
    bench.arrive(1, kLow);  // the oldest
    Duration low_time{};
    std::vector<TicketId> low;
    for (int second = 0; second < 600; ++second) {
      bench.arrive(next++, kHigh);
      bench.arrive(next++, kHigh);
      if (second % 4 == 0) bench.arrive(2 + static_cast<TicketId>(second), kLow);
      bench.advance(seconds(1));
      for (const HeldSlot& slot : bench.queue.held_slots()) {
        if (slot.service_class == kLow) low_time += seconds(1);
        bench.finish(slot.ticket);
      }
      for (const TicketId t : bench.started()) {
        if (t < 1000) low.push_back(t);
      }
    }
    EXPECT_GE(low_time, seconds(58)) << static_cast<int>(order);  // 5 % of 2 x 600 s
    EXPECT_LE(low_time, seconds(62));
    ASSERT_FALSE(low.empty());
    EXPECT_EQ(low[0], 1U);
  }
}

TEST(SlotQueue, NeverMakesRealtimeWaitForWhatCanBePaused) {
  SlotOptions options;
  options.preemption = Preemption::kFull;
  options.slots = 1;
  options.best_effort_slots = 2;
  Bench bench(options);
  for (TicketId t = 1; t <= 3; ++t) bench.arrive(t, kLow);
  EXPECT_THAT(bench.started(), ElementsAre(1, 2));
  bench.arrive(10, kHigh);
  EXPECT_THAT(bench.started(), ElementsAre(10));
}

TEST(SlotQueue, HoldsRealtimesNextCallBackWhereTheShareIsDue) {
  SlotOptions options;
  options.preemption = Preemption::kFull;
  options.slots = 1;
  options.realtime.order = Order::kFifo;
  Bench bench(options);
  bench.arrive(1, kLow);
  bench.arrive(10, kHigh);
  bench.arrive(11, kHigh);
  EXPECT_THAT(bench.started(), ElementsAre(1, 10));
  bench.advance(seconds(10));  // best effort was paused, and is owed 500 ms
  bench.finish(10);
  EXPECT_THAT(bench.started(), IsEmpty());
  bench.advance(milliseconds(500));
  EXPECT_THAT(bench.started(), IsEmpty());
  bench.advance(milliseconds(30));
  EXPECT_THAT(bench.started(), ElementsAre(11));
}

TEST(SlotQueue, LetsRealtimeGoWhenNobodyIsOwedTheShareAnyMore) {
  SlotOptions options;
  options.preemption = Preemption::kFull;
  options.slots = 1;
  Bench bench(options);
  bench.arrive(1, kLow);
  bench.arrive(10, kHigh);
  bench.arrive(11, kHigh);
  bench.advance(seconds(1) + seconds(2));
  bench.arrive(12, kHigh);
  bench.started();
  bench.finish(10);
  EXPECT_THAT(bench.started(), IsEmpty());
  bench.finish(1);
  EXPECT_THAT(bench.started(), ElementsAre(12));
}

TEST(SlotQueue, TellsOnceOfASlotThatMayBeLost) {
  Bench bench(seed_options());
  bench.arrive(1, kHigh);
  bench.advance(seconds(299));
  EXPECT_THAT(bench.told.overdue, IsEmpty());
  bench.advance(seconds(600));
  ASSERT_EQ(bench.told.overdue.size(), 1U);
  EXPECT_EQ(bench.told.overdue[0].ticket, 1U);
  EXPECT_GE(bench.told.overdue[0].held, seconds(300));
  EXPECT_EQ(bench.queue.held_slots().size(), 1U);
}

}  // namespace
}  // namespace sluice::scheduling
