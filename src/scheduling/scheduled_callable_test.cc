#include "scheduling/scheduled_callable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "inference/capability.h"
#include "inference/testing_callable.h"
#include "runtime/manual_executor.h"

namespace sluice::scheduling {
namespace {

using sluice::testing::FakeCallable;
using sluice::testing::FakeService;
using sluice::testing::fp32;
using sluice::testing::response_of;
using sluice::testing::TestSink;
using std::chrono::milliseconds;
using std::chrono::seconds;

// The time of an executor, as a clock.
class ExecutorClock final : public Clock {
 public:
  explicit ExecutorClock(const Executor& executor) : executor_(executor) {}
  [[nodiscard]] TimePoint now() const override { return executor_.now(); }
  [[nodiscard]] WallTime wall() const override { return {}; }

 private:
  const Executor& executor_;
};

SlotOptions two_slots() {
  SlotOptions options;
  options.slots = 2;
  options.reserved = 1;
  options.depth = 10;
  return options;
}

class ScheduledCallableTest : public ::testing::Test {
 protected:
  // No call is left without an end: who waits holds the slots for which it waits.
  void TearDown() override { end_all(); }
  void end_all() {
    for (CancelHandle& handle : handles_) handle.cancel();
    handles_.clear();
    home_.run_ready();
    while (!inner_->pending.empty()) {
      reply();
      home_.run_ready();
    }
  }
  void use(const SlotOptions& options) {
    slots_ = Slots::make(options, "llm",
                         {.timers = home_, .clock = clock_, .metrics = &metrics_, .log = nullptr});
    callable_ = std::make_shared<ScheduledCallable>(inner_, slots_, clock_);
  }
  TestSink& start(ServiceClass service_class = ServiceClass::kRealtime, Deadline deadline = {}) {
    Call call;
    call.home = &home_;
    call.service_class = service_class;
    call.deadline = deadline;
    call.request_id = ids_.emplace_back("request " + std::to_string(sinks_.size()));
    call.times = &times_.emplace_back();
    TestSink& sink = sinks_.emplace_back();
    handles_.push_back(callable_->start(call, make_request(InferRequest()), sink));
    return sink;
  }
  void reply() { inner_->reply(response_of(fp32("y", {1, 2}, {1, 2}))); }
  // Of all series whose last label is this, together.
  double metric(std::string_view name, std::string_view label) {
    double sum = 0;
    for (const auto& family : metrics_.collect()) {
      if (family.name != name) continue;
      for (const auto& series : family.series) {
        if (series.label_values.back() == label) sum += series.value;
      }
    }
    return sum;
  }

  ManualExecutor home_;
  ExecutorClock clock_{home_};
  telemetry::Metrics metrics_;
  std::shared_ptr<FakeCallable> inner_ = std::make_shared<FakeCallable>("llm");
  std::shared_ptr<Slots> slots_;
  std::shared_ptr<ScheduledCallable> callable_;
  std::deque<std::string> ids_;
  std::deque<CallTimes> times_;
  std::deque<TestSink> sinks_;
  std::vector<CancelHandle> handles_;
};

TEST_F(ScheduledCallableTest, StartsAtOnceWhereASlotIsFree) {
  use(two_slots());
  start();
  EXPECT_EQ(inner_->starts, 1);  // without a turn of the executor
  reply();
  EXPECT_TRUE(sinks_[0].results.at(0).has_value());
  EXPECT_EQ(times_[0].queued, times_[0].started);
}

TEST_F(ScheduledCallableTest, StartsTheNextAtHomeWhenAResultGivesASlotBack) {
  use(two_slots());
  for (int i = 0; i < 3; ++i) start();
  EXPECT_EQ(inner_->starts, 2);
  home_.advance(milliseconds(300));
  reply();
  EXPECT_EQ(inner_->starts, 2);  // not within the end of another
  home_.run_ready();
  EXPECT_EQ(inner_->starts, 3);
  reply();
  reply();
  EXPECT_EQ(times_[2].started - times_[2].queued, milliseconds(300));
  EXPECT_EQ(slots_->snapshot().available_slots, 2U);
}

TEST_F(ScheduledCallableTest, GivesTheSlotBackWhateverTheResult) {
  use(two_slots());
  for (int i = 0; i < 2; ++i) start();
  inner_->reply(fail(internal("broken")));
  inner_->reply(fail(unavailable("away")));
  EXPECT_EQ(slots_->snapshot().available_slots, 2U);
  inner_->placed.where = Placement::Where::kInline;
  start();
  EXPECT_TRUE(sinks_[2].done());
  EXPECT_EQ(slots_->snapshot().available_slots, 2U);
}

TEST_F(ScheduledCallableTest, RefusesWithinStartWhenTheQueueIsFull) {
  SlotOptions options = two_slots();
  options.depth = 0;
  use(options);
  for (int i = 0; i < 3; ++i) start();
  ASSERT_TRUE(sinks_[2].done());
  EXPECT_EQ(sinks_[2].code(), ErrorCode::kExhausted);
  EXPECT_FALSE(handles_[2]);
  EXPECT_EQ(metric("sluice_slot_refusals_total", "queue_full"), 1);
}

TEST_F(ScheduledCallableTest, SaysWhenToComeBackWhereAnEngineThatIsBusyDoesNot) {
  use(two_slots());
  TestSink& sink = start();
  inner_->reply(fail(Error{ErrorCode::kExhausted, "busy"}));
  ASSERT_TRUE(sink.done());
  EXPECT_EQ(sink.results.at(0).error().retry_after, ServiceRate::kUnknownRetry);
}

TEST_F(ScheduledCallableTest, RefusesByItsTimerWhoWaitsTooLong) {
  SlotOptions options = two_slots();
  options.realtime.queue_timeout = seconds(5);
  options.realtime.order = Order::kFifo;
  use(options);
  for (int i = 0; i < 3; ++i) start();
  start(ServiceClass::kRealtime, Deadline(home_.now() + seconds(2)));
  home_.advance(milliseconds(2000));
  ASSERT_TRUE(sinks_[3].done());  // the timer was brought forward
  EXPECT_EQ(sinks_[3].code(), ErrorCode::kTimeout);
  EXPECT_FALSE(sinks_[2].done());
  home_.advance(milliseconds(3000));
  ASSERT_TRUE(sinks_[2].done());
  EXPECT_EQ(sinks_[2].code(), ErrorCode::kTimeout);
  EXPECT_EQ(inner_->starts, 2);
}

TEST_F(ScheduledCallableTest, ForgetsAtOnceACallThatIsCancelledWhileItWaits) {
  use(two_slots());
  for (int i = 0; i < 3; ++i) start();
  handles_[2].cancel();
  EXPECT_EQ(slots_->snapshot().realtime_waiting, 0U);
  EXPECT_FALSE(sinks_[2].done());  // not within cancel()
  home_.run_ready();
  EXPECT_EQ(sinks_[2].code(), ErrorCode::kCancelled);
  reply();
  home_.run_ready();
  EXPECT_EQ(inner_->starts, 2);
}

TEST_F(ScheduledCallableTest, StopsARunThatIsCancelledAndKeepsItsSlotUntilItReports) {
  use(two_slots());
  inner_->reports_within_cancel = false;
  start();
  handles_[0].cancel();
  EXPECT_TRUE(inner_->pending[0]->cancelled);
  EXPECT_EQ(slots_->snapshot().available_slots, 1U);
  inner_->reply(fail(cancelled("told to stop")));
  EXPECT_EQ(sinks_[0].code(), ErrorCode::kCancelled);
  EXPECT_EQ(slots_->snapshot().available_slots, 2U);
}

TEST_F(ScheduledCallableTest, LosesNoSlotToACallThatIsCancelledAsItGetsOne) {
  use(two_slots());
  for (int i = 0; i < 4; ++i) start();
  reply();  // the third has a slot now, but does not know
  handles_[2].cancel();
  home_.run_ready();
  EXPECT_EQ(sinks_[2].code(), ErrorCode::kCancelled);
  EXPECT_EQ(inner_->starts, 3);  // the fourth
  reply();
  reply();
  EXPECT_TRUE(sinks_[3].results.at(0).has_value());
  EXPECT_EQ(slots_->snapshot().available_slots, 2U);
}

TEST_F(ScheduledCallableTest, ShowsWhoHoldsWhichSlotForHowLong) {
  use(two_slots());
  start(ServiceClass::kBestEffort);
  home_.advance(seconds(3));
  start();
  start();
  start(ServiceClass::kBestEffort);
  const SlotsSnapshot shown = slots_->snapshot();
  ASSERT_EQ(shown.held.size(), 2U);
  EXPECT_EQ(shown.held[0].holder, "request 0");
  EXPECT_EQ(shown.held[0].service_class, ServiceClass::kBestEffort);
  EXPECT_EQ(shown.held[0].age, seconds(3));
  EXPECT_EQ(shown.held[1].holder, "request 1");
  EXPECT_EQ(shown.realtime_waiting, 1U);
  EXPECT_EQ(shown.best_effort_waiting, 1U);
  EXPECT_EQ(shown.total_slots, 2U);
  EXPECT_EQ(shown.available_slots, 0U);
  EXPECT_EQ(shown.max_queue_depth, 10U);
  EXPECT_TRUE(shown.accepting);
  EXPECT_EQ(metric("sluice_slot_queue_depth", "realtime"), 1);
  EXPECT_EQ(metric("sluice_slots_held", "best_effort"), 1);
  home_.advance(seconds(300));
  EXPECT_TRUE(slots_->snapshot().held.at(0).overdue);
  EXPECT_EQ(metric("sluice_slots_overdue_total", "best_effort"), 1);
}

TEST_F(ScheduledCallableTest, AcceptsWhileACallOfEitherClassWouldBeLetIn) {
  for (const ServiceClass full : {ServiceClass::kBestEffort, ServiceClass::kRealtime}) {
    use(two_slots());
    std::size_t started = 0;
    const auto waiting = [&] {
      const SlotsSnapshot shown = slots_->snapshot();
      return full == ServiceClass::kRealtime ? shown.realtime_waiting : shown.best_effort_waiting;
    };
    while (waiting() < slots_->snapshot().max_queue_depth) {
      EXPECT_TRUE(slots_->snapshot().accepting) << started;
      start(full);
      ++started;
    }
    EXPECT_FALSE(slots_->snapshot().accepting);
    end_all();
  }
}

TEST_F(ScheduledCallableTest, IsNeverInline) {
  use(two_slots());
  inner_->placed = {Placement::Where::kInline, milliseconds(1)};
  EXPECT_EQ(callable_->placement({}).where, Placement::Where::kPooled);
  inner_->placed = {Placement::Where::kRemote, milliseconds(1)};
  EXPECT_EQ(callable_->placement({}).where, Placement::Where::kRemote);
}

TEST_F(ScheduledCallableTest, CanWhatTheOneBehindItCan) {
  use(two_slots());
  EXPECT_EQ(find_capability<Probeable>(*callable_), nullptr);
  const auto service = std::make_shared<FakeService>("remote");
  ScheduledCallable scheduled(service, slots_, clock_);
  EXPECT_EQ(find_capability<Probeable>(scheduled), service.get());
  EXPECT_EQ(find_capability<Queued>(scheduled), &scheduled);
}

// Sends parts before its result, and one while it starts.
class Talking final : public Callable {
 public:
  [[nodiscard]] const Description& describe() const override { return description_; }
  [[nodiscard]] Placement placement(const Request&) const override { return {}; }
  CancelHandle start(const Call& call, RequestPtr, Sink& sink) override {
    call.times->first = call.home->now();
    sink.on_part({.choice = 0, .text = "a", .logprobs = {}});
    sink.on_part({.choice = 0, .text = "b", .logprobs = {}});
    sink.on_result(GenerateResponse{.model = "m",
                                    .choices = {},
                                    .usage = {.prompt_tokens = 3, .completion_tokens = 2},
                                    .times = {}});
    return {};
  }

 private:
  Description description_{.name = "talking"};
};

struct PartSink final : Sink {
  std::function<void()> on_each;
  std::string text;
  bool done = false;
  void on_part(Part part) override {
    if (on_each) on_each();
    text += part.text;
  }
  void on_result(Result<Response> result) override { done = result.has_value(); }
};

TEST_F(ScheduledCallableTest, PassesPartsThrough) {
  use(two_slots());
  const auto talking =
      std::make_shared<ScheduledCallable>(std::make_shared<Talking>(), slots_, clock_);
  PartSink sink;
  CallTimes times;
  Call call;
  call.home = &home_;
  call.times = &times;
  std::size_t known = 0;  // parts before which it was known how long the call had waited
  sink.on_each = [&] {
    known += static_cast<std::size_t>(times.queued == home_.now() && times.started == home_.now());
  };
  talking->start(call, make_request(GenerateRequest()), sink);
  EXPECT_EQ(sink.text, "ab");
  EXPECT_EQ(known, 2U);
  EXPECT_TRUE(sink.done);
  EXPECT_EQ(times.first, home_.now());
  EXPECT_EQ(slots_->snapshot().available_slots, 2U);
}

}  // namespace
}  // namespace sluice::scheduling
