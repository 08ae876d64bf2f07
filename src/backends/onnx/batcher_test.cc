// Calls that run together, from start() to the answer.
#include "backends/onnx/batcher.h"

#include <gmock/gmock.h>

#include "backends/onnx/test_support.h"

namespace sluice::onnx {
namespace {

using testing::Blocker;
using ::testing::ElementsAre;
using testing::floats;
using ::testing::HasSubstr;
using testing::integers;
using testing::request_of;
using testing::test_model;
using testing::values_of;
using testing::Waiting;

constexpr Duration kLong = std::chrono::hours(1);

class Batching : public testing::OnnxTest {
 protected:
  std::shared_ptr<OnnxModel> load_batching(const std::string& name, BatchingOptions batching) {
    return load(test_model(name), {.batching = batching});
  }
  // How many runs there were, and of how many rows altogether.
  std::pair<std::uint64_t, double> runs() {
    for (const auto& family : metrics.collect()) {
      if (family.name != "sluice_model_batch_rows") continue;
      return {family.series.at(0).count, family.series.at(0).sum};
    }
    return {};
  }
  void TearDown() override { Blocker last(pool); }
};

TEST_F(Batching, CallsRunTogetherAndEachGetsItsOwnRows) {
  const auto model = load_batching("gather", {.max_rows = 4, .max_wait = kLong});
  EXPECT_EQ(model->placement(*make_request({})).where, Placement::Where::kPooled);
  std::vector<Waiting> sinks(3);
  start(model, request_of(integers("index", {0})), sinks[0]);
  start(model, request_of(integers("index", {1, 2})), sinks[1]);
  start(model, request_of(integers("index", {2})), sinks[2]);
  std::vector<std::vector<float>> got;
  for (Waiting& sink : sinks) {
    const auto answer = sink.get();
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->model, "m");
    got.push_back(values_of<float>(*answer, "value"));
    EXPECT_GE(sink.times.started, sink.times.queued);
  }
  EXPECT_THAT(got, ElementsAre(ElementsAre(10), ElementsAre(20, 30), ElementsAre(30)));
  EXPECT_EQ(runs(), std::pair(std::uint64_t{1}, 4.0));
}

TEST_F(Batching, ALoneCallRunsWhenItHasWaitedLongEnough) {
  const auto model =
      load_batching("gather", {.max_rows = 64, .max_wait = std::chrono::milliseconds(1)});
  const auto answer = infer(model, request_of(integers("index", {1})));
  ASSERT_TRUE(answer);
  EXPECT_THAT(values_of<float>(*answer, "value"), ElementsAre(20));
}

TEST_F(Batching, WhatIsTooLargeForABatchRunsAlone) {
  const auto model = load_batching("gather", {.max_rows = 2, .max_wait = kLong});
  const auto answer = infer(model, request_of(integers("index", {0, 1, 2})));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->outputs.at(0).shape, Shape{3});
}

TEST_F(Batching, AFailingBatchFailsEachOfItsCalls) {
  const auto model = load_batching("gather", {.max_rows = 2, .max_wait = kLong});
  Waiting good;
  Waiting bad;
  start(model, request_of(integers("index", {0})), good);
  start(model, request_of(integers("index", {9})), bad);
  for (Waiting* sink : {&good, &bad}) {
    const auto answer = sink->get();
    ASSERT_FALSE(answer);
    EXPECT_THAT(answer.error().message, HasSubstr("Gather"));
  }
}

TEST_F(Batching, ACancelledCallLeavesAndTheOthersRun) {
  const auto model = load_batching("gather", {.max_rows = 2, .max_wait = kLong});
  Waiting gone;
  CancelHandle handle;
  start(model, request_of(integers("index", {0})), gone, {}, &handle);
  on_io([&] { handle.cancel(); });
  const auto answer = gone.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
  std::vector<Waiting> others(2);
  for (Waiting& sink : others) start(model, request_of(integers("index", {2})), sink);
  for (Waiting& sink : others) EXPECT_TRUE(sink.get());
  EXPECT_EQ(runs().second, 2.0);
}

TEST_F(Batching, ACallCancelledInTheQueueOfThePoolIsLeftOutOfTheRun) {
  const auto model = load_batching("gather", {.max_rows = 2, .max_wait = kLong});
  Waiting stays;
  Waiting gone;
  CancelHandle handle;
  {
    Blocker blocker(pool);
    start(model, request_of(integers("index", {0})), stays);
    start(model, request_of(integers("index", {9})), gone, {}, &handle);
    on_io([&] { handle.cancel(); });
    EXPECT_FALSE(gone.get());
  }
  const auto answer = stays.get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_THAT(values_of<float>(*answer, "value"), ElementsAre(10));
}

TEST_F(Batching, ADeadlineThatPassesWhileWaitingCostsNobodyElse) {
  const auto model = load_batching("gather", {.max_rows = 2, .max_wait = std::chrono::seconds(5)});
  // Neither of the two times decides anything: however slowly this runs, the outcome is the same.
  Waiting late;
  Waiting other;
  {
    Blocker blocker(pool);
    start(model, request_of(integers("index", {0})), late,
          {.deadline = Deadline(clock.now() + std::chrono::milliseconds(30))});
    start(model, request_of(integers("index", {1})), other);
    const auto answer = late.get();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::kTimeout);
  }
  EXPECT_TRUE(other.get());
  EXPECT_EQ(runs().second, 1.0);
}

TEST_F(Batching, ABatchThatAllHaveLeftIsStopped) {
  const auto model = load_batching("slow_rows", {.max_rows = 2, .max_wait = kLong});
  std::vector<Waiting> sinks(2);
  std::vector<CancelHandle> handles(2);
  for (std::size_t i = 0; i < 2; ++i) {
    start(model, request_of(integers("rounds", {std::int64_t{1} << 40})), sinks[i], {},
          &handles[i]);
  }
  for (CancelHandle& handle : handles) on_io([&] { handle.cancel(); });
  for (Waiting& sink : sinks) {
    const auto answer = sink.get();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
  }
  // TearDown waits for the pool, which would never come free.
}

TEST_F(Batching, TooManyWaitingCallsAreRefused) {
  const auto model =
      load_batching("gather", {.max_rows = 64, .max_wait = kLong, .max_calls_waiting = 1});
  Waiting waits;
  CancelHandle handle;
  start(model, request_of(integers("index", {0})), waits, {}, &handle);
  const auto refused = infer(model, request_of(integers("index", {0})));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kExhausted);
  on_io([&] { handle.cancel(); });
  EXPECT_FALSE(waits.get());
}

TEST_F(Batching, AFullPoolRefusesEveryCallOfTheBatch) {
  const auto model = load_batching("gather", {.max_rows = 1});
  Blocker blocker(pool);
  std::vector<Waiting> sinks(5);  // the queue takes 4
  for (Waiting& sink : sinks) start(model, request_of(integers("index", {0})), sink);
  const auto refused = sinks.back().get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kExhausted);
  EXPECT_TRUE(refused.error().retry_after);
  blocker.let_go();
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(sinks[i].get());
}

TEST_F(Batching, ABatchThatAllHaveLeftGivesItsPlaceInThePoolToAnother) {
  const auto model = load_batching("gather", {.max_rows = 2, .max_wait = kLong});
  Blocker blocker(pool);
  for (int round = 0; round < 9; ++round) {  // the queue takes 4
    std::vector<Waiting> sinks(2);
    std::vector<CancelHandle> handles(2);
    for (std::size_t i = 0; i < 2; ++i) {
      start(model, request_of(integers("index", {0})), sinks[i], {}, &handles[i]);
    }
    EXPECT_EQ(pool.waiting(), 1U);
    for (CancelHandle& handle : handles) on_io([&] { handle.cancel(); });
    for (Waiting& sink : sinks) EXPECT_EQ(sink.get().error().code, ErrorCode::kCancelled);
    EXPECT_EQ(pool.waiting(), 0U);
  }
}

TEST_F(Batching, AModelThatCannotBearItIsRefusedAtLoad) {
  const auto model = try_load(test_model("fixed"), {.batching = {.max_rows = 8}});
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr("fixed.onnx: its calls cannot be batched: 'x'"));
}

}  // namespace
}  // namespace sluice::onnx
