// What holds of every store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

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

NewJob job_of(std::string callable, std::string input = "{}") {
  return {.callable = std::move(callable), .format = "test/1", .input = std::move(input)};
}

class StoreConformance : public ::testing::TestWithParam<Kind> {
 protected:
  StoreConformance() : h(GetParam().make()) {}

  std::string submit(NewJob job) {
    auto submitted = h->submit(std::move(job));
    EXPECT_TRUE(submitted) << submitted.error().message;
    return submitted ? submitted->id : std::string();
  }
  std::vector<std::string> claim_ids(const std::string& callable, std::size_t most) {
    std::vector<std::string> ids;
    for (const Claimed& one : h->claim(callable, most)) ids.push_back(one.job.id);
    return ids;
  }
  Claimed claim_one(const std::string& callable) {
    auto claimed = h->claim(callable);
    EXPECT_THAT(claimed, SizeIs(1));
    return claimed.empty() ? Claimed() : std::move(claimed.front());
  }
  JobState state_of(const std::string& id) { return h->get(id)->job.state; }

  std::unique_ptr<testing::StoreHarness> h;
};

TEST_P(StoreConformance, GivesAJobBackAsItWasHandedIn) {
  NewJob asked = job_of("iris", R"({"data":[[5.1]]})");
  asked.priority = Priority::kHigh;
  asked.tenant = "acme";
  asked.owner = "key-1";
  asked.metadata = R"({"a":1})";
  asked.webhook = "https://example.test/hook";
  asked.deadline = h->wall() + hours(1);
  const std::string id = submit(asked);
  const auto view = h->get(id, Store::Want::kInput);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->job.callable, "iris");
  EXPECT_EQ(view->job.format, "test/1");
  EXPECT_EQ(view->job.priority, Priority::kHigh);
  EXPECT_EQ(view->job.tenant, "acme");
  EXPECT_EQ(view->job.owner, "key-1");
  EXPECT_EQ(view->job.metadata, R"({"a":1})");
  EXPECT_EQ(view->job.webhook, "https://example.test/hook");
  EXPECT_EQ(view->job.deadline, asked.deadline);
  EXPECT_EQ(view->job.state, JobState::kPending);
  EXPECT_EQ(view->job.attempt, 0U);
  EXPECT_EQ(view->input, R"({"data":[[5.1]]})");
}

TEST_P(StoreConformance, KeepsBytesOfEveryKind) {
  std::string input;
  for (int i = 0; i < 256; ++i) input += static_cast<char>(i);
  const std::string id = submit(job_of("iris", input));
  const Claimed claimed = claim_one("iris");
  EXPECT_EQ(claimed.input, input);
  ASSERT_TRUE(h->finish(claimed.ticket(), Completed{input}));
  EXPECT_EQ(h->get(id)->output, input);
}

TEST_P(StoreConformance, KnowsNoJobThatIsNotThere) {
  for (const char* id : {"018bcfe5-6800-7000-8000-000000000000", "a1b2c3"}) {
    EXPECT_EQ(h->get(id).error().code, ErrorCode::kNotFound) << id;
    EXPECT_EQ(h->cancel(id).error().code, ErrorCode::kNotFound) << id;
    EXPECT_EQ(h->finish({id, 1}, Completed{}).error().code, ErrorCode::kNotFound) << id;
    EXPECT_THAT(*h->extend({{id, 1}}, seconds(30)), ElementsAre(false)) << id;
  }
}

TEST_P(StoreConformance, HandsJobsOutOldestFirst) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(submit(job_of("iris")));
  submit(job_of("other"));
  std::vector<std::string> claimed = claim_ids("iris", 3);
  for (const std::string& id : claim_ids("iris", 9)) claimed.push_back(id);
  EXPECT_EQ(claimed, ids);
  EXPECT_THAT(claim_ids("iris", 1), IsEmpty());
}

TEST_P(StoreConformance, WalksThroughTheStatesOfAJobThatSucceeds) {
  testing::NewsBook news;
  h->store().set_news(&news);
  const std::string id = submit(job_of("iris"));
  const Claimed claimed = claim_one("iris");
  EXPECT_EQ(claimed.job.attempt, 1U);
  EXPECT_EQ(state_of(id), JobState::kProcessing);
  const auto done = h->finish(claimed.ticket(), Completed{"[1]"});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->state, JobState::kCompleted);
  const auto view = h->get(id);
  EXPECT_EQ(view->job, *done);
  EXPECT_EQ(view->output, "[1]");
  EXPECT_EQ(h->get(id, Store::Want::kInput)->input, "") << "it is needed no more";
  h->store().set_news(nullptr);
  EXPECT_THAT(news.ready(), ElementsAre("iris"));
  EXPECT_THAT(news.states_of(id), ElementsAre(JobState::kProcessing, JobState::kCompleted));
}

TEST_P(StoreConformance, LosesNothingThatItAccepted) {
  const std::string pending = submit(job_of("iris", "waits"));
  const std::string done = submit(job_of("other"));
  ASSERT_TRUE(h->finish(claim_one("other").ticket(), Completed{"result"}));
  const std::string running = submit(job_of("third"));
  const Claimed claimed = claim_one("third");
  h->reopen();
  EXPECT_EQ(h->get(pending, Store::Want::kInput)->input, "waits");
  EXPECT_EQ(h->get(done)->output, "result");
  EXPECT_EQ(state_of(running), JobState::kProcessing);
  EXPECT_TRUE(h->finish(claimed.ticket(), Completed{"later"}));
  EXPECT_THAT(claim_ids("iris", 9), ElementsAre(pending));
}

TEST_P(StoreConformance, RefusesAWorkerThatLostItsLease) {
  const std::string id = submit(job_of("iris"));
  const Claimed first = claim_one("iris");
  h->pass(seconds(31));
  const Claimed second = claim_one("iris");
  EXPECT_EQ(second.job.id, id);
  EXPECT_EQ(second.job.attempt, 2U);
  EXPECT_EQ(second.job.returns.lost_leases, 1U);
  for (const Outcome& late : {Outcome(Completed{"late"}), Outcome(Failed{internal("late"), true}),
                              Outcome(Requeued{Cause::kOutage})}) {
    EXPECT_EQ(h->finish(first.ticket(), late).error().code, ErrorCode::kConflict);
  }
  EXPECT_EQ(h->progress(first.ticket(), 0.5).error().code, ErrorCode::kConflict);
  EXPECT_THAT(*h->extend({first.ticket(), second.ticket()}, seconds(30)), ElementsAre(false, true));
  ASSERT_TRUE(h->finish(second.ticket(), Completed{"mine"}));
  EXPECT_EQ(h->get(id)->output, "mine");
}

TEST_P(StoreConformance, KeepsALeaseThatIsExtended) {
  submit(job_of("iris"));
  const Claimed claimed = claim_one("iris");
  for (int i = 0; i < 4; ++i) {
    h->pass(seconds(20));
    EXPECT_THAT(*h->extend({claimed.ticket()}, seconds(30)), ElementsAre(true));
  }
  EXPECT_THAT(claim_ids("iris", 1), IsEmpty());
}

TEST_P(StoreConformance, TriesAFailureAgainAfterAWhileAndThenGivesUp) {
  const std::string id = submit(job_of("iris"));
  for (std::uint32_t attempt = 1; attempt <= 4; ++attempt) {
    const Claimed claimed = claim_one("iris");
    ASSERT_EQ(claimed.job.attempt, attempt);
    const auto after = h->finish(claimed.ticket(), Failed{internal("boom"), true});
    ASSERT_TRUE(after);
    EXPECT_THAT(claim_ids("iris", 1), IsEmpty());
    EXPECT_EQ(after->state, attempt < 4 ? JobState::kPending : JobState::kFailed);
    h->pass(minutes(1));
  }
  const auto view = h->get(id, Store::Want::kInput);
  EXPECT_EQ(view->job.error->message, "boom");
  EXPECT_EQ(view->job.error->code, ErrorCode::kInternal);
  EXPECT_EQ(view->input, "{}") << "for whoever wants to try it once more";
}

TEST_P(StoreConformance, PutsAJobBackAtTheHeadWhenItsBackendWasAway) {
  const std::string first = submit(job_of("iris"));
  const std::string second = submit(job_of("iris"));
  const Claimed claimed = claim_one("iris");
  const auto back = h->finish(claimed.ticket(), Requeued{Cause::kOutage});
  ASSERT_TRUE(back);
  EXPECT_EQ(back->returns, (Returns{.outages = 1}));
  EXPECT_THAT(claim_ids("iris", 2), ElementsAre(first, second));
}

TEST_P(StoreConformance, NeverStartsACancelledJob) {
  const std::string id = submit(job_of("iris"));
  ASSERT_TRUE(h->cancel(id));
  EXPECT_THAT(claim_ids("iris", 1), IsEmpty());
  EXPECT_EQ(state_of(id), JobState::kCancelled);
}

TEST_P(StoreConformance, TakesARunningJobFromItsWorkerWhenItIsCancelled) {
  testing::NewsBook news;
  const std::string id = submit(job_of("iris"));
  const Claimed claimed = claim_one("iris");
  h->store().set_news(&news);
  ASSERT_TRUE(h->cancel(id));
  EXPECT_EQ(h->finish(claimed.ticket(), Completed{"too late"}).error().code, ErrorCode::kConflict);
  EXPECT_THAT(*h->extend({claimed.ticket()}, seconds(30)), ElementsAre(false));
  h->store().set_news(nullptr);
  EXPECT_THAT(news.states_of(id), ElementsAre(JobState::kCancelled));
  EXPECT_EQ(state_of(id), JobState::kCancelled);
}

TEST_P(StoreConformance, CannotCancelWhatIsOver) {
  const std::string id = submit(job_of("iris"));
  ASSERT_TRUE(h->finish(claim_one("iris").ticket(), Completed{"[1]"}));
  EXPECT_EQ(h->cancel(id).error().code, ErrorCode::kConflict);
  EXPECT_EQ(h->get(id)->output, "[1]");
}

TEST_P(StoreConformance, GivesTheSameJobForTheSameKeyAndRequest) {
  NewJob job = job_of("iris");
  job.owner = "k";
  job.idempotency_key = "once";
  job.digest = "d1";
  const auto first = h->submit(job);
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->existed);
  const auto again = h->submit(job);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->existed);
  EXPECT_EQ(again->id, first->id);
  job.digest = "d2";
  EXPECT_EQ(h->submit(job).error().code, ErrorCode::kInvalid);
  job.owner = "another";
  EXPECT_FALSE(h->submit(job)->existed);
  EXPECT_THAT(claim_ids("iris", 9), SizeIs(2));
}

TEST_P(StoreConformance, DoesNotStartAJobBeforeItsTime) {
  NewJob job = job_of("iris");
  job.run_at = h->wall() + minutes(5);
  const std::string id = submit(job);
  EXPECT_EQ(state_of(id), JobState::kPending);
  h->pass(minutes(4));
  EXPECT_THAT(claim_ids("iris", 1), IsEmpty());
  h->pass(minutes(2));
  EXPECT_THAT(claim_ids("iris", 1), ElementsAre(id));
}

TEST_P(StoreConformance, FailsAJobWhoseDeadlinePassedBeforeItBegan) {
  NewJob job = job_of("iris");
  job.deadline = h->wall() + minutes(1);
  const std::string id = submit(job);
  h->pass(minutes(2));
  EXPECT_THAT(claim_ids("iris", 1), IsEmpty());
  EXPECT_EQ(state_of(id), JobState::kFailed);
  EXPECT_EQ(h->get(id)->job.error->code, ErrorCode::kTimeout);
}

TEST_P(StoreConformance, KeepsResultsForADayAndNoLonger) {
  const std::string id = submit(job_of("iris"));
  ASSERT_TRUE(h->finish(claim_one("iris").ticket(), Completed{"[1]"}));
  h->pass(hours(23));
  EXPECT_EQ(h->get(id)->output, "[1]");
  h->pass(hours(2));
  EXPECT_EQ(h->get(id).error().code, ErrorCode::kNotFound);
}

TEST_P(StoreConformance, SharesAQueueBetweenPrioritiesWithoutStarvingAny) {
  for (int i = 0; i < 30; ++i) {
    for (const Priority priority : {Priority::kLow, Priority::kNormal, Priority::kHigh}) {
      NewJob job = job_of("iris");
      job.priority = priority;
      submit(job);
    }
  }
  std::map<Priority, int> first_ten;
  for (const Claimed& one : h->claim("iris", 10)) ++first_ten[one.job.priority];
  EXPECT_EQ(first_ten, (std::map<Priority, int>{
                           {Priority::kHigh, 6}, {Priority::kNormal, 3}, {Priority::kLow, 1}}));
}

TEST_P(StoreConformance, GivesTenantsTheirTurns) {
  for (const char* tenant : {"a", "a", "a", "a", "b", "c"}) {
    NewJob job = job_of("iris");
    job.tenant = tenant;
    submit(job);
  }
  std::string order;
  for (const Claimed& one : h->claim("iris", 6)) order += one.job.tenant;
  EXPECT_EQ(order.substr(3), "aaa");
  std::ranges::sort(order);
  EXPECT_EQ(order, "aaaabc");
}

TEST_P(StoreConformance, HandsNothingOutOfAPausedQueue) {
  testing::NewsBook news;
  submit(job_of("iris"));
  ASSERT_TRUE(h->pause("iris", true));
  submit(job_of("iris"));
  EXPECT_THAT(claim_ids("iris", 9), IsEmpty());
  h->reopen();
  EXPECT_THAT(claim_ids("iris", 9), IsEmpty()) << "it stays paused";
  EXPECT_TRUE(h->counts()->at(0).paused);
  h->store().set_news(&news);
  ASSERT_TRUE(h->pause("iris", false));
  h->store().set_news(nullptr);
  EXPECT_THAT(news.ready(), ElementsAre("iris"));
  EXPECT_THAT(claim_ids("iris", 9), SizeIs(2));
}

TEST_P(StoreConformance, CountsWhatWaitsAndWhatRuns) {
  for (int i = 0; i < 3; ++i) submit(job_of("iris"));
  const Claimed claimed = claim_one("iris");
  auto counts = *h->counts();
  ASSERT_THAT(counts, SizeIs(1));
  EXPECT_EQ(counts[0].callable, "iris");
  EXPECT_EQ(counts[0].pending, 2U);
  EXPECT_EQ(counts[0].processing, 1U);
  ASSERT_TRUE(h->finish(claimed.ticket(), Completed{}));
  h->reopen();
  counts = *h->counts();
  EXPECT_EQ(counts.at(0).pending, 2U);
  EXPECT_EQ(counts.at(0).processing, 0U);
}

TEST_P(StoreConformance, ListsAnOwnersJobsFromTheNewestOnPageByPage) {
  std::vector<std::string> ids;
  for (int i = 0; i < 7; ++i) {
    NewJob job = job_of(i % 2 == 0 ? "iris" : "other");
    job.owner = "me";
    ids.insert(ids.begin(), submit(job));
  }
  NewJob foreign = job_of("iris");
  foreign.owner = "you";
  submit(foreign);
  std::vector<std::string> listed;
  ListQuery query{.owner = "me", .limit = 3};
  for (int page = 0; page < 3; ++page) {
    const auto got = h->list(query);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->more, page < 2);
    for (const Job& job : got->jobs) listed.push_back(job.id);
    query.after = listed.back();
  }
  EXPECT_EQ(listed, ids);
  ASSERT_TRUE(h->finish(claim_one("other").ticket(), Completed{}));
  const auto completed = h->list({.owner = "me", .state = JobState::kCompleted});
  ASSERT_THAT(completed->jobs, SizeIs(1));
  EXPECT_EQ(completed->jobs[0].callable, "other");
  EXPECT_THAT(h->list({.owner = "me", .state = JobState::kPending, .callable = "iris"})->jobs,
              SizeIs(4));
  EXPECT_THAT(h->list({})->jobs, SizeIs(8));
  EXPECT_EQ(h->list({.owner = "me", .after = "nonsense"}).error().code, ErrorCode::kInvalid);
}

TEST_P(StoreConformance, TellsHowFarAJobIs) {
  const std::string id = submit(job_of("iris"));
  const Claimed claimed = claim_one("iris");
  const std::uint32_t before = h->get(id)->job.revision;
  ASSERT_TRUE(h->progress(claimed.ticket(), 0.25));
  EXPECT_EQ(h->get(id)->job.progress, 0.25);
  EXPECT_GT(h->get(id)->job.revision, before);
}

TEST_P(StoreConformance, ShowsWhatThereIsOfTheOutputWhileAJobIsRun) {
  const std::string id = submit(job_of("iris"));
  const Claimed first = claim_one("iris");
  ASSERT_TRUE(h->progress(first.ticket(), std::nullopt, R"(["so far"])"));
  ASSERT_TRUE(h->progress(first.ticket(), 0.5));
  EXPECT_EQ(h->get(id)->job.partial, R"(["so far"])");
  EXPECT_EQ(h->get(id)->job.progress, 0.5);
  const std::uint32_t before = h->get(id)->job.revision;
  ASSERT_TRUE(h->progress(first.ticket(), 0.5, R"(["so far"])"));
  EXPECT_EQ(h->get(id)->job.revision, before) << "that is no news";
  ASSERT_TRUE(h->finish(first.ticket(), Requeued{}));
  EXPECT_EQ(h->get(id)->job.partial, "") << "another attempt begins anew";
  const Claimed second = claim_one("iris");
  EXPECT_EQ(h->progress(first.ticket(), 0.9, "1").error().code, ErrorCode::kConflict);
  ASSERT_TRUE(h->progress(second.ticket(), std::nullopt, "2"));
  ASSERT_TRUE(h->finish(second.ticket(), Completed{"3"}));
  EXPECT_EQ(h->get(id)->job.partial, "");
  EXPECT_EQ(h->get(id)->output, "3");
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreConformance,
                         ::testing::Values(Kind{"sqlite", testing::make_sqlite_harness},
                                           Kind{"redis", testing::make_redis_harness},
                                           Kind{"valkey", testing::make_valkey_harness}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace sluice::jobs
