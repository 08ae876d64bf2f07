// What holds of every store that keeps batches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "jobs/testing_store.h"

namespace sluice::jobs {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Kind {
  const char* name;
  std::unique_ptr<testing::StoreHarness> (*make)();
};

class StoreBatches : public ::testing::TestWithParam<Kind> {
 protected:
  StoreBatches() : h(GetParam().make()) {}

  static NewJob line(std::uint32_t number) {
    NewJob job{.callable = "iris", .format = "test/1", .input = std::to_string(number)};
    job.priority = Priority::kLow;
    job.line = number;
    job.custom_id = formatted("c{}", number);
    return job;
  }
  static std::vector<NewJob> lines(std::uint32_t first, std::uint32_t last) {
    std::vector<NewJob> all;
    for (std::uint32_t i = first; i <= last; ++i) all.push_back(line(i));
    return all;
  }
  std::string running(std::uint32_t count) {
    const std::string id = h->create_batch({.owner = "me"})->id;
    EXPECT_TRUE(h->add_to_batch(id, lines(1, count)));
    EXPECT_TRUE(h->seal_batch(id));
    h->pass(milliseconds(1));
    return id;
  }
  std::vector<std::uint32_t> read(const std::string& id, bool completed, std::uint32_t after = 0,
                                  std::size_t limit = 100) {
    std::vector<std::uint32_t> found;
    const auto page = h->read_batch({id, completed, after, limit, 1 << 20});
    for (const JobView& view : *page) {
      found.push_back(view.job.line);
    }
    return found;
  }

  std::unique_ptr<testing::StoreHarness> h;
};

TEST_P(StoreBatches, HoldsLinesUntilTheBatchIsSealed) {
  const auto made = h->create_batch({.owner = "me", .metadata = R"({"a":1})"});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->state, BatchState::kReceiving);
  ASSERT_TRUE(h->add_to_batch(made->id, lines(1, 2)));
  ASSERT_TRUE(h->add_to_batch(made->id, lines(3, 3)));
  h->pass(seconds(1));
  EXPECT_THAT(h->claim("iris", 10), IsEmpty());
  auto batch = h->batch(made->id);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->lines, 3U);
  EXPECT_EQ(batch->pending, 3U);
  EXPECT_EQ(batch->owner, "me");
  EXPECT_EQ(batch->metadata, R"({"a":1})");

  ASSERT_TRUE(h->seal_batch(made->id));
  h->pass(milliseconds(1));
  const auto claimed = h->claim("iris", 10);
  ASSERT_THAT(claimed, SizeIs(3));
  EXPECT_EQ(claimed[0].job.batch, made->id);
  EXPECT_EQ(claimed[0].job.line, 1U);
  EXPECT_EQ(claimed[0].job.custom_id, "c1");
  EXPECT_EQ(claimed[2].input, "3");
  batch = h->batch(made->id);
  EXPECT_EQ(batch->state, BatchState::kRunning);
  EXPECT_EQ(batch->processing, 3U);
}

TEST_P(StoreBatches, CompletesWithTheLastLine) {
  const std::string id = running(3);
  const auto claimed = h->claim("iris", 10);
  ASSERT_THAT(claimed, SizeIs(3));
  ASSERT_TRUE(h->finish(claimed[2].ticket(), Completed{"[3]"}));
  ASSERT_TRUE(h->finish(claimed[0].ticket(), Completed{"[1]"}));
  EXPECT_EQ(h->batch(id)->state, BatchState::kRunning);
  ASSERT_TRUE(h->finish(claimed[1].ticket(), Failed{internal("no"), false}));
  const auto batch = h->batch(id);
  EXPECT_EQ(batch->state, BatchState::kCompleted);
  EXPECT_EQ(batch->completed, 2U);
  EXPECT_EQ(batch->failed, 1U);
  EXPECT_TRUE(batch->finished);
  EXPECT_THAT(read(id, true), ElementsAre(1, 3));
  EXPECT_THAT(read(id, false), ElementsAre(2));
  const auto views = h->read_batch({id, true, 1, 10, 1 << 20});
  ASSERT_THAT(*views, SizeIs(1));
  EXPECT_EQ(views->front().output, "[3]");
}

TEST_P(StoreBatches, KeepsBrokenLinesAsFailedOnes) {
  const std::string id = h->create_batch({})->id;
  auto both = lines(1, 2);
  both[0].broken = invalid("not JSON at byte 3");
  ASSERT_TRUE(h->add_to_batch(id, both));
  ASSERT_TRUE(h->seal_batch(id));
  h->pass(milliseconds(1));
  const auto claimed = h->claim("iris", 10);
  ASSERT_THAT(claimed, SizeIs(1));
  ASSERT_TRUE(h->finish(claimed[0].ticket(), Completed{"[]"}));
  EXPECT_EQ(h->batch(id)->state, BatchState::kCompleted);
  const auto broken = h->read_batch({id, false, 0, 10, 1 << 20});
  ASSERT_THAT(*broken, SizeIs(1));
  EXPECT_EQ(broken->front().job.line, 1U);
  EXPECT_EQ(broken->front().job.error, invalid("not JSON at byte 3"));
}

TEST_P(StoreBatches, CompletesAtOnceWhenNoLineCanBeRun) {
  const std::string empty = h->create_batch({})->id;
  EXPECT_EQ(h->seal_batch(empty)->state, BatchState::kCompleted);
  const std::string id = h->create_batch({})->id;
  auto broken = lines(1, 1);
  broken[0].broken = invalid("no");
  ASSERT_TRUE(h->add_to_batch(id, broken));
  EXPECT_EQ(h->seal_batch(id)->state, BatchState::kCompleted);
}

TEST_P(StoreBatches, GoesOnAfterACrash) {
  const std::string id = h->create_batch({})->id;
  ASSERT_TRUE(h->add_to_batch(id, lines(1, 600)));
  ASSERT_TRUE(h->seal_batch(id));
  h->reopen();
  h->pass(milliseconds(1));
  std::size_t done = 0;
  for (int i = 0; i < 100 && done < 600; ++i) {
    for (const Claimed& one : h->claim("iris", 100)) {
      ASSERT_TRUE(h->finish(one.ticket(), Completed{"[]"}));
      ++done;
    }
    if (i == 3) h->reopen();
    h->pass(milliseconds(1));
  }
  EXPECT_EQ(done, 600U);
  EXPECT_EQ(h->batch(id)->state, BatchState::kCompleted);
}

TEST_P(StoreBatches, StopsWhatHasNotEndedWhenItIsCancelled) {
  const std::string id = running(4);
  const auto claimed = h->claim("iris", 2);
  ASSERT_TRUE(h->finish(claimed[0].ticket(), Completed{"[]"}));
  ASSERT_TRUE(h->cancel_batch(id));
  h->pass(milliseconds(1));
  const auto batch = h->batch(id);
  EXPECT_EQ(batch->state, BatchState::kCancelled);
  EXPECT_EQ(batch->completed, 1U);
  EXPECT_EQ(batch->cancelled, 3U);
  EXPECT_EQ(h->finish(claimed[1].ticket(), Completed{}).error().code, ErrorCode::kConflict);
  EXPECT_THAT(read(id, false), ElementsAre(2, 3, 4));
  EXPECT_TRUE(h->cancel_batch(id)) << "twice is once";
}

TEST_P(StoreBatches, CountsLinesThatComeBack) {
  const std::string id = running(2);
  const auto claimed = h->claim("iris", 2);
  EXPECT_EQ(h->batch(id)->processing, 2U);
  ASSERT_TRUE(h->finish(claimed[0].ticket(), Requeued{}));
  EXPECT_EQ(h->batch(id)->processing, 1U);
  h->pass(minutes(1));  // the other's lease has run out
  const auto batch = h->batch(id);
  EXPECT_EQ(batch->processing, 0U);
  EXPECT_EQ(batch->pending, 2U);
  EXPECT_THAT(h->claim("iris", 2), SizeIs(2));
}

TEST_P(StoreBatches, LetsEachLineBeCancelledByItself) {
  const std::string id = h->create_batch({.owner = "me"})->id;
  ASSERT_TRUE(h->add_to_batch(id, lines(1, 3)));
  const auto held = h->list({.batch = id});
  ASSERT_THAT(held->jobs, SizeIs(3));
  ASSERT_EQ(held->jobs[0].line, 3U) << "the newest first";
  ASSERT_TRUE(h->cancel(held->jobs[0].id));
  ASSERT_TRUE(h->seal_batch(id));
  h->pass(milliseconds(1));
  const auto claimed = h->claim("iris", 3);
  ASSERT_THAT(claimed, SizeIs(2));
  ASSERT_TRUE(h->finish(claimed[0].ticket(), Completed{"[]"}));
  EXPECT_EQ(h->batch(id)->state, BatchState::kRunning);
  ASSERT_TRUE(h->cancel(claimed[1].job.id));
  EXPECT_EQ(h->batch(id)->state, BatchState::kCompleted);
  EXPECT_EQ(h->batch(id)->cancelled, 2U);
}

TEST_P(StoreBatches, KeepsInputsOfLinesThatFailedAndThoseOnly) {
  const std::string id = running(2);
  const auto claimed = h->claim("iris", 2);
  ASSERT_TRUE(h->finish(claimed[0].ticket(), Completed{"[]"}));
  ASSERT_TRUE(h->finish(claimed[1].ticket(), Failed{internal("no"), false}));
  h->pass(hours(23));
  EXPECT_EQ(h->get(claimed[0].job.id, Store::Want::kInput)->input, "");
  EXPECT_EQ(h->get(claimed[1].job.id, Store::Want::kInput)->input, "2");
  EXPECT_EQ(h->get(claimed[0].job.id)->output, "[]");
}

TEST_P(StoreBatches, FailsWithTheReasonWhenItsUploadDoes) {
  const std::string id = h->create_batch({})->id;
  ASSERT_TRUE(h->add_to_batch(id, lines(1, 3)));
  ASSERT_TRUE(h->cancel_batch(id, "the upload broke off"));
  h->pass(milliseconds(1));
  EXPECT_EQ(h->batch(id)->state, BatchState::kFailed);
  EXPECT_EQ(h->batch(id)->error, "the upload broke off");
  EXPECT_THAT(h->claim("iris", 10), IsEmpty());
  EXPECT_EQ(h->add_to_batch(id, lines(4, 4)).error().code, ErrorCode::kConflict);
  EXPECT_EQ(h->seal_batch(id).error().code, ErrorCode::kConflict);
  EXPECT_EQ(h->cancel_batch(id).error().code, ErrorCode::kConflict);
}

TEST_P(StoreBatches, FailsWhenItsUploadIsAbandoned) {
  const std::string id = h->create_batch({})->id;
  ASSERT_TRUE(h->add_to_batch(id, lines(1, 3)));
  h->pass(minutes(4));
  EXPECT_EQ(h->batch(id)->state, BatchState::kReceiving);
  h->pass(minutes(2));
  EXPECT_EQ(h->batch(id)->state, BatchState::kFailed);
}

TEST_P(StoreBatches, KeepsLinesAsLongAsTheBatch) {
  const std::string id = running(2);
  const auto first = h->claim("iris", 1);
  ASSERT_TRUE(h->finish(first[0].ticket(), Completed{"[]"}));
  h->pass(hours(25));
  EXPECT_THAT(read(id, true), ElementsAre(1));
  const auto second = h->claim("iris", 1);
  ASSERT_THAT(second, SizeIs(1));
  ASSERT_TRUE(h->finish(second[0].ticket(), Completed{"[]"}));
  h->pass(hours(23));
  EXPECT_THAT(read(id, true), ElementsAre(1, 2));
  h->pass(hours(2));
  EXPECT_EQ(h->batch(id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(h->get(first[0].job.id).error().code, ErrorCode::kNotFound);
}

TEST_P(StoreBatches, GivesPagesOfLinesAndOfBatches) {
  const std::string id = running(5);
  for (const Claimed& one : h->claim("iris", 5)) {
    ASSERT_TRUE(h->finish(one.ticket(), Completed{"[]"}));
  }
  EXPECT_THAT(read(id, true, 0, 2), ElementsAre(1, 2));
  EXPECT_THAT(read(id, true, 2, 2), ElementsAre(3, 4));
  EXPECT_THAT(read(id, true, 4, 2), ElementsAre(5));
  EXPECT_THAT(*h->read_batch({id, true, 0, 100, 1}), SizeIs(1)) << "so many bytes are enough";
  const std::string next = h->create_batch({.owner = "me"})->id;
  h->create_batch({.owner = "another"});
  const auto mine = h->batches("me", "", 1);
  ASSERT_THAT(*mine, SizeIs(1));
  EXPECT_EQ(mine->front().id, next);
  EXPECT_EQ(h->batches("me", next, 9)->front().id, id);
  EXPECT_THAT(*h->batches(std::nullopt, "", 9), SizeIs(3));
}

TEST_P(StoreBatches, KnowsNoBatchThatIsNotThere) {
  const std::string id = "018bcfe5-6800-7000-8000-000000000000";
  EXPECT_EQ(h->batch(id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(h->seal_batch(id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(h->cancel_batch(id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(h->add_to_batch(id, {}).error().code, ErrorCode::kNotFound);
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreBatches,
                         ::testing::Values(Kind{"sqlite", testing::make_sqlite_harness},
                                           Kind{"redis", testing::make_redis_harness},
                                           Kind{"valkey", testing::make_valkey_harness}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace sluice::jobs
