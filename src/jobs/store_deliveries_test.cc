// What holds of every store that keeps deliveries.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/testing_store.h"

namespace sluice::jobs {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Kind {
  const char* name;
  std::unique_ptr<testing::StoreHarness> (*make)();
};

class StoreDeliveries : public ::testing::TestWithParam<Kind> {
 protected:
  StoreDeliveries() : h(GetParam().make()) {}

  std::string submit(std::string webhook = "https://example.test/hook") {
    NewJob job{.callable = "iris", .format = "test/1", .input = "{}"};
    job.webhook = std::move(webhook);
    return h->submit(std::move(job))->id;
  }
  std::string completed() {
    const std::string id = submit();
    EXPECT_TRUE(h->finish(h->claim("iris").front().ticket(), Completed{"[1]"}));
    return id;
  }
  Delivery take() {
    auto due = h->deliveries(10, minutes(1));
    EXPECT_THAT(due, SizeIs(1));
    return due.empty() ? Delivery() : std::move(due.front());
  }

  std::unique_ptr<testing::StoreHarness> h;
};

TEST_P(StoreDeliveries, AreDueWhenAJobWithAWebhookEnds) {
  testing::NewsBook news;
  h->store().set_news(&news);
  const std::string id = submit();
  EXPECT_THAT(h->deliveries(10, minutes(1)), IsEmpty());
  ASSERT_TRUE(h->finish(h->claim("iris").front().ticket(), Completed{"[1]"}));
  const Delivery delivery = take();
  EXPECT_EQ(delivery.job.id, id);
  EXPECT_EQ(delivery.job.state, JobState::kCompleted);
  EXPECT_EQ(delivery.job.webhook, "https://example.test/hook");
  EXPECT_EQ(delivery.output, "[1]");
  EXPECT_EQ(delivery.attempt, 1U);
  h->store().set_news(nullptr);
  EXPECT_EQ(news.deliveries, 1);
}

TEST_P(StoreDeliveries, AreDueHoweverAJobEnds) {
  ASSERT_TRUE(h->cancel(submit()));
  EXPECT_EQ(take().job.state, JobState::kCancelled);
  submit();
  const auto claimed = h->claim("iris");
  ASSERT_TRUE(h->finish(claimed.front().ticket(), Failed{internal("no"), true}));
  EXPECT_THAT(h->deliveries(10, minutes(1)), IsEmpty()) << "it is tried again";
  h->pass(seconds(2));
  ASSERT_TRUE(h->finish(h->claim("iris").front().ticket(), Failed{internal("no"), false}));
  EXPECT_EQ(take().job.state, JobState::kFailed);
}

TEST_P(StoreDeliveries, AreNoneForAJobWithoutAWebhook) {
  submit("");
  ASSERT_TRUE(h->finish(h->claim("iris").front().ticket(), Completed{"[1]"}));
  EXPECT_THAT(h->deliveries(10, minutes(1)), IsEmpty());
}

TEST_P(StoreDeliveries, SurviveACrash) {
  const std::string id = completed();
  h->reopen();
  EXPECT_EQ(take().job.id, id);
}

TEST_P(StoreDeliveries, AreOverWhenTheyAreSettled) {
  completed();
  ASSERT_TRUE(h->settle(take().ticket(), std::nullopt));
  h->pass(hours(1));
  EXPECT_THAT(h->deliveries(10, minutes(1)), IsEmpty());
}

TEST_P(StoreDeliveries, AreDueAgainWhenAskedTo) {
  completed();
  ASSERT_TRUE(h->settle(take().ticket(), seconds(30)));
  h->pass(seconds(29));
  EXPECT_THAT(h->deliveries(10, minutes(1)), IsEmpty());
  h->pass(seconds(2));
  EXPECT_EQ(take().attempt, 2U);
}

TEST_P(StoreDeliveries, AreDueAgainWhenNobodySettledThem) {
  completed();
  const Delivery first = take();
  EXPECT_THAT(h->deliveries(10, minutes(1)), IsEmpty()) << "another has it";
  h->pass(seconds(61));
  const Delivery second = take();
  EXPECT_EQ(second.attempt, 2U);
  ASSERT_TRUE(h->settle(first.ticket(), std::nullopt));
  h->pass(seconds(61));
  EXPECT_EQ(take().attempt, 3U) << "a late word changes nothing";
}

TEST_P(StoreDeliveries, AreTakenOnceAndTheLongestDueFirst) {
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(completed());
    h->pass(milliseconds(5));
  }
  std::vector<std::string> taken;
  for (const std::size_t most : {2, 2, 2}) {
    for (const Delivery& one : h->deliveries(most, minutes(1))) taken.push_back(one.job.id);
  }
  EXPECT_EQ(taken, ids);
}

TEST_P(StoreDeliveries, GoWithTheirJob) {
  completed();
  h->pass(hours(25));
  EXPECT_THAT(h->deliveries(10, minutes(1)), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreDeliveries,
                         ::testing::Values(Kind{"sqlite", testing::make_sqlite_harness},
                                           Kind{"redis", testing::make_redis_harness},
                                           Kind{"valkey", testing::make_valkey_harness}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace sluice::jobs
