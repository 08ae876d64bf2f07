// Calls that run on the pool: deadlines, cancellation, bounds.
#include <gmock/gmock.h>

#include "backends/onnx/test_support.h"

namespace sluice::onnx {
namespace {

using testing::Blocker;
using ::testing::HasSubstr;
using testing::integers;
using testing::OnnxTest;
using testing::request_of;
using testing::test_model;
using testing::Waiting;

constexpr std::int64_t kForEver = std::int64_t{1} << 40;

class Pooled : public OnnxTest {
 protected:
  void TearDown() override {
    // What was stopped leaves the pool before the pool's owner is gone.
    Blocker last(pool);
    Blocker last_idle(idle_pool);
  }
  std::shared_ptr<OnnxModel> slow = load(test_model("slow"));
};

TEST_F(Pooled, AnswersOnTheHomeThreadAndSaysWhenItRan) {
  Waiting sink;
  start(slow, request_of(integers("rounds", {3})), sink, {.may_run_inline = false});
  std::thread::id io_thread;
  on_io([&] { io_thread = std::this_thread::get_id(); });
  const auto answer = sink.get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(sink.home_thread, io_thread);
  EXPECT_GE(sink.times.started, sink.times.queued);
  EXPECT_GT(sink.times.ran, sink.times.started);
  EXPECT_NE(sink.times.queued, TimePoint{});
}

TEST_F(Pooled, TheDeadlineStopsARunUnderWay) {
  const Call call{.deadline = Deadline(clock.now() + std::chrono::milliseconds(20)),
                  .may_run_inline = false};
  const auto answer = infer(slow, request_of(integers("rounds", {kForEver})), call);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kTimeout);
}

TEST_F(Pooled, CancellingStopsARunUnderWay) {
  Waiting sink;
  CancelHandle handle;
  start(slow, request_of(integers("rounds", {kForEver})), sink, {.may_run_inline = false}, &handle);
  ASSERT_TRUE(handle);
  on_io([&] { handle.cancel(); });
  const auto answer = sink.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
}

TEST_F(Pooled, EachClassHasAPoolOfItsOwn) {
  for (const auto& [blocked, other] : {std::pair(&pool, ServiceClass::kBestEffort),
                                       std::pair(&idle_pool, ServiceClass::kRealtime)}) {
    Blocker blocker(*blocked);
    const Call call{.service_class = other, .may_run_inline = false};
    EXPECT_TRUE(infer(slow, request_of(integers("rounds", {3})), call));
  }
}

TEST_F(Pooled, WhatExpiresInTheQueueIsNeverRun) {
  Blocker blocker(pool);
  Waiting sink;
  start(
      slow, request_of(integers("rounds", {kForEver})), sink,
      {.deadline = Deadline(clock.now() + std::chrono::milliseconds(5)), .may_run_inline = false});
  const auto answer = sink.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kTimeout);
  EXPECT_EQ(sink.times.started, TimePoint{});
}

TEST_F(Pooled, WhatIsCancelledInTheQueueIsNeverRun) {
  Blocker blocker(pool);
  Waiting sink;
  CancelHandle handle;
  start(slow, request_of(integers("rounds", {kForEver})), sink, {.may_run_inline = false}, &handle);
  on_io([&] { handle.cancel(); });
  const auto answer = sink.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
}

TEST_F(Pooled, CancellingAfterTheAnswerDoesNothing) {
  Waiting sink;
  CancelHandle handle;
  start(slow, request_of(integers("rounds", {1})), sink,
        {.deadline = Deadline(clock.now() + std::chrono::hours(1)), .may_run_inline = false},
        &handle);
  EXPECT_TRUE(sink.get());
  on_io([&] { handle.cancel(); });
}

TEST_F(Pooled, AFullQueueRefusesAndSaysWhenToComeBack) {
  Blocker blocker(pool);
  std::vector<std::unique_ptr<Waiting>> sinks;
  for (int i = 0; i < 5; ++i) {  // the queue takes 4
    sinks.push_back(std::make_unique<Waiting>());
    start(slow, request_of(integers("rounds", {1})), *sinks.back(), {.may_run_inline = false});
  }
  const auto refused = sinks.back()->get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kExhausted);
  ASSERT_TRUE(refused.error().retry_after);
  EXPECT_GE(*refused.error().retry_after, std::chrono::milliseconds(1));
  blocker.let_go();
  sinks.pop_back();
  for (auto& sink : sinks) EXPECT_TRUE(sink->get());
}

TEST_F(Pooled, CallsThatLeaveTheQueueMakeRoomForOthersAtOnce) {
  Blocker blocker(pool);
  const auto rounds = request_of(integers("rounds", {1}));
  for (int round = 0; round < 5; ++round) {  // the queue takes 4
    std::vector<Waiting> expire(2);
    std::vector<Waiting> gone(2);
    std::vector<CancelHandle> handles(2);
    for (Waiting& sink : expire) {
      start(slow, rounds, sink,
            {.deadline = Deadline(clock.now() + std::chrono::milliseconds(5)),
             .may_run_inline = false});
    }
    for (std::size_t i = 0; i < gone.size(); ++i) {
      start(slow, rounds, gone[i], {.may_run_inline = false}, &handles[i]);
    }
    for (CancelHandle& handle : handles) on_io([&] { handle.cancel(); });
    for (Waiting& sink : expire) EXPECT_EQ(sink.get().error().code, ErrorCode::kTimeout);
    for (Waiting& sink : gone) EXPECT_EQ(sink.get().error().code, ErrorCode::kCancelled);
    EXPECT_EQ(pool.waiting(), 0U);
  }
  Waiting stays;
  start(slow, rounds, stays, {.may_run_inline = false});
  blocker.let_go();
  EXPECT_TRUE(stays.get());
}

TEST_F(Pooled, WhatLeavesTheQueueKeepsNothingOfItsRequest) {
  Blocker blocker(pool);
  const auto request = make_request(request_of(integers("rounds", {1})));
  Waiting sink;
  CancelHandle handle;
  on_io([&] {
    const Call call{.home = &io.loop(0), .may_run_inline = false};
    handle = slow->start(call, request, sink);
  });
  EXPECT_GT(request.use_count(), 1);
  on_io([&] { handle.cancel(); });
  EXPECT_FALSE(sink.get());
  EXPECT_EQ(request.use_count(), 1);
}

TEST_F(Pooled, AFailingRunIsToldThere) {
  const auto gather = load(test_model("gather"));
  const auto answer = infer(gather, request_of(integers("index", {9})), {.may_run_inline = false});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(answer.error().message, HasSubstr("Gather"));
}

TEST_F(Pooled, AModelThatNobodyHoldsAnyMoreFinishesItsCalls) {
  Blocker blocker(pool);
  Waiting sink;
  auto model = load(test_model("gather"));
  start(model, request_of(integers("index", {1})), sink, {.may_run_inline = false});
  model.reset();
  blocker.let_go();
  EXPECT_TRUE(sink.get());
}

}  // namespace
}  // namespace sluice::onnx
