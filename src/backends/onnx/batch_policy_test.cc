#include "backends/onnx/batch_policy.h"

#include <gmock/gmock.h>

#include <chrono>

namespace sluice::onnx {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr TimePoint kStart{std::chrono::hours(1)};
constexpr TimePoint kNever = TimePoint::max();

class Policy : public ::testing::Test {
 protected:
  BatchPolicy::Added add(BatchPolicy::Id id, std::size_t rows, Duration at = {},
                         const std::string& key = "k", TimePoint latest = kNever) {
    return policy.add(id, key, rows, kStart + at, latest);
  }
  BatchPolicy policy{{.max_rows = 4, .max_wait = milliseconds(10), .max_calls_waiting = 3}};
};

TEST_F(Policy, ABatchIsReadyWhenItHasAllItsRows) {
  EXPECT_THAT(add(1, 1).ready, IsEmpty());
  EXPECT_THAT(add(2, 2).ready, IsEmpty());
  EXPECT_THAT(add(3, 1).ready, ElementsAre(ElementsAre(1, 2, 3)));
  EXPECT_EQ(policy.waiting(), 0U);
}

TEST_F(Policy, ACallThatDoesNotFitSendsTheOthersAhead) {
  add(1, 3);
  const auto added = add(2, 2, milliseconds(1));
  EXPECT_THAT(added.ready, ElementsAre(ElementsAre(1)));
  EXPECT_EQ(added.wake, kStart + milliseconds(11));
  EXPECT_EQ(policy.waiting(), 1U);
}

TEST_F(Policy, ACallThatFillsABatchDoesNotWaitThoughItSentOthersAhead) {
  add(1, 1);
  EXPECT_THAT(add(2, 4).ready, ElementsAre(ElementsAre(1), ElementsAre(2)));
}

TEST_F(Policy, TheFirstCallOfABatchSaysWhenItIsDue) {
  EXPECT_EQ(add(1, 1).wake, kStart + milliseconds(10));
  EXPECT_EQ(add(2, 1, milliseconds(5)).wake, std::nullopt);
  EXPECT_THAT(policy.take_due(kStart + milliseconds(9)), IsEmpty());
  EXPECT_THAT(policy.take_due(kStart + milliseconds(10)), ElementsAre(ElementsAre(1, 2)));
  EXPECT_THAT(policy.take_due(kStart + milliseconds(10)), IsEmpty());
}

TEST_F(Policy, AnEarlyDeadlineMakesItsBatchDueEarlier) {
  add(1, 1);
  EXPECT_EQ(add(2, 1, {}, "k", kStart + milliseconds(3)).wake, kStart + milliseconds(3));
  EXPECT_THAT(policy.take_due(kStart + milliseconds(3)), ElementsAre(ElementsAre(1, 2)));
  EXPECT_THAT(add(3, 1, {}, "k", kStart - milliseconds(1)).ready, ElementsAre(ElementsAre(3)));
}

TEST_F(Policy, CallsOfDifferentKeysDoNotMix) {
  EXPECT_TRUE(add(1, 2, {}, "a").wake);
  EXPECT_TRUE(add(2, 2, milliseconds(1), "b").wake);
  EXPECT_THAT(policy.take_due(kStart + milliseconds(10)), ElementsAre(ElementsAre(1)));
  EXPECT_THAT(policy.take_due(kStart + milliseconds(11)), ElementsAre(ElementsAre(2)));
}

TEST_F(Policy, ARemovedCallMakesRoomForOthers) {
  add(1, 2);
  add(2, 1);
  EXPECT_TRUE(policy.remove(1));
  EXPECT_FALSE(policy.remove(1));
  EXPECT_THAT(add(3, 2).ready, IsEmpty());
  EXPECT_THAT(add(4, 1).ready, ElementsAre(ElementsAre(2, 3, 4)));
  EXPECT_FALSE(policy.remove(4));
}

TEST_F(Policy, AnEmptiedBatchIsForgotten) {
  add(1, 2);
  policy.remove(1);
  EXPECT_THAT(policy.take_due(kStart + milliseconds(100)), IsEmpty());
  EXPECT_TRUE(add(2, 1, milliseconds(100)).wake);
}

TEST_F(Policy, IsFullAtItsBound) {
  add(1, 1, {}, "a");
  add(2, 1, {}, "b");
  EXPECT_FALSE(policy.full());
  add(3, 1, {}, "c");
  EXPECT_TRUE(policy.full());
}

}  // namespace
}  // namespace sluice::onnx
