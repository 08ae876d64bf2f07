// What holds of the Redis store beyond what holds of all: several nodes, and servers that go away.
#include "jobs/redis_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>

#include "jobs/redis_news.h"
#include "jobs/redis_record.h"
#include "jobs/testing_redis_store.h"

namespace sluice::jobs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

NewJob job_of(std::string callable) {
  return {.callable = std::move(callable), .format = "test/1", .input = "{}"};
}

template <class Condition>
bool eventually(Condition condition) {
  const auto until = std::chrono::steady_clock::now() + seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST(RedisRecord, ReadsWhatItWrote) {
  const NewJob asked{.callable = "iris",
                     .format = "infer/1",
                     .input = "",
                     .priority = Priority::kLow,
                     .tenant = "acme",
                     .owner = "key",
                     .batch = "b",
                     .metadata = std::string(100'000, 'm'),
                     .webhook = "https://example.test/",
                     .run_at = WallTime(seconds(1'700'000'001)),
                     .deadline = WallTime(seconds(1'700'000'002))};
  const auto job = read_record("id", new_record(asked, "once").value());
  ASSERT_TRUE(job);
  EXPECT_EQ(*job, (Job{.id = "id",
                       .callable = "iris",
                       .format = "infer/1",
                       .priority = Priority::kLow,
                       .tenant = "acme",
                       .owner = "key",
                       .batch = "b",
                       .metadata = asked.metadata,
                       .webhook = asked.webhook,
                       .run_at = asked.run_at,
                       .deadline = asked.deadline}));
}

TEST(RedisRecord, RefusesATextThatDoesNotFit) {
  NewJob job = job_of("iris");
  job.webhook.assign(70'000, 'w');
  EXPECT_EQ(new_record(job, "").error().code, ErrorCode::kInvalid);
}

TEST(RedisRecord, ReadsNothingFromWhatIsNoRecord) {
  const std::string whole = new_record(job_of("iris"), "").value();
  for (std::size_t i = 0; i < whole.size(); ++i)
    EXPECT_FALSE(read_record("id", whole.substr(0, i)));
  std::string later = whole;
  later[0] = 3;
  EXPECT_FALSE(read_record("id", later)) << "of another version";
}

TEST(RedisNews, IsReadLineByLine) {
  testing::NewsBook book;
  NewsTeller teller;
  teller.tell("a 2 1 3");  // nobody listens
  teller.set(&book);
  teller.tell("a 2 1 3\n!iris\nnonsense\nb 9 1 1\nb x 1 1\nc 1 1 2");
  teller.set(nullptr);
  EXPECT_THAT(book.ready(), ElementsAre("iris"));
  EXPECT_THAT(book.states_of("a"), ElementsAre(JobState::kCompleted));
  EXPECT_THAT(book.states_of("b"), IsEmpty());
  EXPECT_THAT(book.states_of("c"), ElementsAre(JobState::kProcessing));
}

class RedisStoreTest : public ::testing::Test {
 protected:
  std::vector<Claimed> claim_from(Store& store, const std::string& callable) {
    return testing::wait_for<std::vector<Claimed>>([&](auto done) {
             store.claim(h.home(), {{{callable, 9}}, "other", {}}, std::move(done));
           })
        .value_or(std::vector<Claimed>());
  }
  Result<Submitted> submit() { return h.submit(job_of("iris")); }

  testing::RedisHarness h{"redis-server", std::nullopt};
};

TEST_F(RedisStoreTest, TellsOtherNodesWhatHappens) {
  testing::NewsBook news;
  h.other().set_news(&news);
  // Again until it is heard: the other node has perhaps not subscribed yet.
  ASSERT_TRUE(eventually([&] {
    EXPECT_TRUE(submit());
    return std::ranges::contains(news.ready(), "iris");
  }));
  const auto claimed = h.claim("iris");
  const std::string id = claimed.at(0).job.id;
  ASSERT_TRUE(h.finish(claimed.at(0).ticket(), Completed{"1"}));
  EXPECT_TRUE(eventually([&] { return news.states_of(id).size() >= 2; }));
  h.other().set_news(nullptr);
  EXPECT_THAT(news.states_of(id), ElementsAre(JobState::kProcessing, JobState::kCompleted));
}

TEST_F(RedisStoreTest, GivesEachJobToOneNode) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(submit());
  const auto ours = h.claim("iris", 4);
  const auto theirs = claim_from(h.other(), "iris");
  EXPECT_THAT(ours, SizeIs(4));
  EXPECT_THAT(theirs, SizeIs(6));
  for (const Claimed& one : theirs) {
    EXPECT_EQ(h.get(one.job.id)->job.worker, "other");
  }
}

TEST_F(RedisStoreTest, RefusesAtOnceWhileTheServerIsAway) {
  ASSERT_TRUE(submit());
  h.server().kill();
  ASSERT_TRUE(eventually([&] { return !h.store().ready(); }));
  EXPECT_EQ(h.store().ready().error().code, ErrorCode::kUnavailable);
  for (int i = 0; i < 3; ++i) {
    const auto refused = submit();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
    EXPECT_TRUE(refused.error().retry_after);
  }
  EXPECT_EQ(h.list({}).error().code, ErrorCode::kUnavailable);
  h.server().start();
  ASSERT_TRUE(eventually([&] { return h.store().ready().has_value(); }));
  EXPECT_TRUE(submit());
  EXPECT_THAT(h.claim("iris", 9), SizeIs(2));
}

TEST_F(RedisStoreTest, SaysThatNewsMayHaveBeenMissed) {
  class Gaps final : public News {
   public:
    void on_ready(std::string_view) override {}
    void on_change(const JobChange&) override {}
    void on_gap() override { ++count; }
    std::atomic<int> count = 0;
  } gaps;
  h.store().set_news(&gaps);
  const int before = gaps.count;
  h.server().kill();
  h.server().start();
  EXPECT_TRUE(eventually([&] { return gaps.count > before; }));
  h.store().set_news(nullptr);
}

TEST_F(RedisStoreTest, LosesNothingThatWasAcceptedWhenTheServerIsKilledUnderLoad) {
  std::vector<std::string> accepted;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::future<Result<Submitted>>> answers;
    for (int i = 0; i < 500; ++i) {
      auto promise = std::make_shared<std::promise<Result<Submitted>>>();
      answers.push_back(promise->get_future());
      h.store().submit(h.home(), job_of("iris"),
                       [promise](Result<Submitted> result) { promise->set_value(result); });
      if (i == 250) h.server().kill();
    }
    for (auto& answer : answers) {
      if (const auto submitted = answer.get()) accepted.push_back(submitted->id);
    }
    h.server().start();
    ASSERT_TRUE(eventually([&] { return h.store().ready().has_value(); }));
  }
  for (const std::string& id : accepted) EXPECT_TRUE(h.get(id)) << id;
  std::size_t claimed = 0;
  for (auto some = h.claim("iris", 100); !some.empty(); some = h.claim("iris", 100)) {
    claimed += some.size();
  }
  EXPECT_GE(claimed, accepted.size());
}

TEST_F(RedisStoreTest, GetsItsScriptsBackWhenTheServerForgotThem) {
  ASSERT_TRUE(submit());
  h.ask(redis::Command("SCRIPT", "FLUSH"));
  EXPECT_TRUE(submit());
  EXPECT_THAT(h.claim("iris", 9), SizeIs(2));
}

TEST_F(RedisStoreTest, ReapsALeaseOfANodeThatIsGone) {
  const std::string id = submit()->id;
  EXPECT_THAT(claim_from(h.other(), "iris"), SizeIs(1));
  h.pass(seconds(31));
  const auto claimed = h.claim("iris");
  ASSERT_THAT(claimed, SizeIs(1));
  EXPECT_EQ(claimed[0].job.id, id);
  EXPECT_EQ(claimed[0].job.attempt, 2U);
}

TEST_F(RedisStoreTest, LeavesNothingOfAJobThatHasExpired) {
  NewJob job = job_of("iris");
  job.owner = "me";
  job.batch = "b";
  job.idempotency_key = "k";
  job.deadline = h.wall() + std::chrono::hours(1);
  const std::string id = h.submit(job)->id;
  ASSERT_TRUE(h.finish(h.claim("iris").at(0).ticket(), Completed{"1"}));
  EXPECT_THAT(h.list({.batch = "b"})->jobs, SizeIs(1));
  h.pass(std::chrono::hours(25));
  EXPECT_THAT(h.claim("iris"), IsEmpty());
  const redis::Reply kept = h.ask(redis::Command("KEYS", "*"));
  std::vector<std::string> keys;
  for (const redis::Reply& key : kept.items()) keys.emplace_back(key.text());
  std::ranges::sort(keys);
  EXPECT_THAT(keys, ElementsAre("sluice:v2:counts", "sluice:v2:owners", "sluice:v2:seq",
                                "sluice:v2:{iris}:turn"));
}

TEST_F(RedisStoreTest, FindsFewAmongMany) {
  std::string rare;
  for (int i = 0; i < 1200; ++i) {
    // On a busy machine the server may seem silent for a moment, and is connected to anew.
    Result<Submitted> submitted;
    ASSERT_TRUE(eventually([&] {
      submitted = h.submit(job_of(i == 5 ? "rare" : "common"));
      return submitted.has_value();
    })) << submitted.error().message;
    if (i == 5) rare = submitted->id;
  }
  const auto page = h.list({.callable = "rare", .limit = 1});
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_THAT(page->jobs, SizeIs(1));
  EXPECT_EQ(page->jobs[0].id, rare);
  EXPECT_FALSE(page->more);
}

TEST_F(RedisStoreTest, RefusesMoreThanItsBound) {
  h.server().hang();
  std::atomic<int> exhausted = 0;
  std::atomic<int> answered = 0;
  constexpr int kMany = 20'000;
  for (int i = 0; i < kMany; ++i) {
    h.store().get(h.home(), "x", Store::Want::kRecord, [&](const Result<JobView>& view) {
      if (!view && view.error().code == ErrorCode::kExhausted) ++exhausted;
      ++answered;
    });
  }
  EXPECT_TRUE(eventually([&] { return answered == kMany; })) << "nothing waits without bound";
  EXPECT_GT(exhausted, 0);
  h.server().go_on();
}

TEST_F(RedisStoreTest, EndsJobsOfAllKindsInOneCall) {
  // More than go out at once, so that most share a call: plain ones, which the script does not
  // read, others, those that fail, and some that end twice.
  constexpr std::size_t kJobs = 60;
  const auto kind = [](std::size_t i) { return i % 4; };
  for (std::size_t i = 0; i < kJobs; ++i) {
    NewJob job = job_of("iris");
    if (kind(i) == 1) job.deadline = h.wall() + std::chrono::hours(1);
    ASSERT_TRUE(h.submit(job));
  }
  const auto claimed = h.claim("iris", kJobs);
  ASSERT_THAT(claimed, SizeIs(kJobs));
  std::vector<std::future<Result<Job>>> ends;
  const auto finish = [&](const Ticket& ticket, Outcome outcome) {
    auto told = std::make_shared<std::promise<Result<Job>>>();
    ends.push_back(told->get_future());
    h.store().finish(h.home(), ticket, std::move(outcome),
                     [told](Result<Job> job) { told->set_value(std::move(job)); });
  };
  for (std::size_t i = 0; i < kJobs; ++i) {
    const Ticket ticket = claimed[i].ticket();
    if (kind(i) == 2) {
      finish(ticket, Failed{invalid("no"), false});
    } else {
      finish(ticket, Completed{std::to_string(i)});
    }
    if (kind(i) == 3) finish(ticket, Completed{"again"});
  }
  for (std::size_t i = 0, end = 0; i < kJobs; ++i) {
    const auto ended = ends[end++].get();
    ASSERT_TRUE(ended) << ended.error().message;
    EXPECT_EQ(ended->id, claimed[i].job.id);
    EXPECT_EQ(ended->state, kind(i) == 2 ? JobState::kFailed : JobState::kCompleted);
    EXPECT_EQ(ended->revision, 3U);
    if (kind(i) == 3) {
      EXPECT_EQ(ends[end++].get().error().code, ErrorCode::kConflict);
    }
    const auto found = h.get(claimed[i].job.id);
    EXPECT_EQ(found->job.state, ended->state);
    EXPECT_EQ(found->output, kind(i) == 2 ? "" : std::to_string(i));
  }
  EXPECT_THAT(h.list({.state = JobState::kProcessing})->jobs, IsEmpty());
  EXPECT_THAT(h.list({.state = JobState::kCompleted})->jobs, SizeIs(kJobs / 4 * 3));
  h.pass(std::chrono::hours(25));
  EXPECT_THAT(h.list({})->jobs, IsEmpty());
}

}  // namespace
}  // namespace sluice::jobs
