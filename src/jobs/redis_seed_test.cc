// The seed's own programs beside our store, on a real server: what they do is done here command by
// command.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/testing_redis_store.h"

namespace sluice::jobs {
namespace {

using redis::Command;
using redis::Reply;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kRows = R"({"data": [[5.1, 3.5, 1.4, 0.2]]})";
constexpr const char* kResult = R"({"prediction":0})";

class RedisSeed : public ::testing::TestWithParam<const char*> {
 protected:
  RedisSeed() : h(GetParam(), SeedQueue{.callable = "iris"}) {}

  Reply ask(const Command& command) { return h.ask(command); }
  std::string text(const Command& command) { return std::string(ask(command).text()); }
  std::string status(const std::string& id) {
    return text(Command("GET", "job:" + id + ":status"));
  }
  std::vector<std::string> queue() {
    std::vector<std::string> ids;
    const Reply all = ask(Command("LRANGE", "queue:predict", 0, -1));
    for (const Reply& id : all.items()) ids.emplace_back(id.text());
    return ids;
  }

  // Their proxy.
  void hand_in(const std::string& id, const std::string& body = kRows) {
    ask(Command("SET", "job:" + id + ":data", body));
    ask(Command("SET", "job:" + id + ":status", "pending"));
    ask(Command("LPUSH", "queue:predict", id));
  }
  // Their worker.
  std::string take() {
    const std::string id = text(Command("RPOP", "queue:predict"));
    if (!id.empty()) ask(Command("SET", "job:" + id + ":status", "processing"));
    return id;
  }
  void complete(const std::string& id, const std::string& result = kResult) {
    ask(Command("SET", "job:" + id + ":result", result));
    ask(Command("SET", "job:" + id + ":status", "completed"));
    ask(Command("EXPIRE", "job:" + id + ":result", 86400));
  }

  std::string submit(Priority priority = Priority::kNormal,
                     const std::string& format = "async_iris/1") {
    const auto submitted =
        h.submit({.callable = "iris", .format = format, .input = kRows, .priority = priority});
    EXPECT_TRUE(submitted) << submitted.error().message;
    return submitted ? submitted->id : "";
  }
  Job job(const std::string& id) {
    const auto view = h.get(id);
    EXPECT_TRUE(view) << view.error().message;
    return view ? view->job : Job();
  }

  testing::RedisHarness h;
};

TEST_P(RedisSeed, MakesOneLineOfJsonOfWhateverAWorkerOfOthersLeft) {
  const std::pair<const char*, const char*> results[] = {
      {"{\n \"prediction\": 0\n}", R"({"prediction":0})"},
      {"set\nosa", R"("set\nosa")"},
      {kResult, kResult},
  };
  for (const auto& [left, read] : results) {
    const std::string id = submit();
    ASSERT_EQ(take(), id);
    complete(id, left);
    EXPECT_EQ(h.get(id)->output, read);
    EXPECT_EQ(h.get(id)->output, read) << "asked again";
    EXPECT_EQ(text(Command("GET", "job:" + id + ":result")), left) << "theirs stays";
  }
  // Our own worker's is not touched.
  const std::string own = submit();
  ASSERT_TRUE(h.finish(h.claim("iris", 1).at(0).ticket(), Completed{"{ }"}));
  EXPECT_EQ(h.get(own)->output, "{ }");
}

TEST_P(RedisSeed, PassesOverWhatIsNoId) {
  for (const std::string& id : {std::string("a b"), std::string(65, 'x'), std::string()}) {
    hand_in(id);
  }
  hand_in("a1b2c3");
  const auto claimed = h.claim("iris", 9);
  ASSERT_THAT(claimed, SizeIs(1));
  EXPECT_EQ(claimed[0].job.id, "a1b2c3");
  EXPECT_THAT(h.foreign_ids(), ElementsAre("a b", std::string(65, 'x'), ""));
  EXPECT_EQ(text(Command("GET", "job:a b:data")), kRows);
}

TEST_P(RedisSeed, EndsWhatAWorkerOfOthersHasWithItsDeadline) {
  const auto submitted = h.submit({.callable = "iris",
                                   .format = "async_iris/1",
                                   .input = kRows,
                                   .deadline = h.wall() + minutes(2)});
  ASSERT_TRUE(submitted);
  ASSERT_EQ(take(), submitted->id);
  h.pass(seconds(1));
  EXPECT_EQ(job(submitted->id).state, JobState::kProcessing);
  h.pass(minutes(3));
  EXPECT_EQ(job(submitted->id).state, JobState::kFailed);
  EXPECT_EQ(job(submitted->id).error->message, "its deadline passed while it was run");
}

TEST_P(RedisSeed, RunsWhatAnotherProxyHandedIn) {
  hand_in("a1b2c3");
  hand_in("d4e5f6", "[[6.3, 3.3, 6.0, 2.5]]");
  const auto claimed = h.claim("iris", 9);
  ASSERT_THAT(claimed, SizeIs(2));
  EXPECT_EQ(claimed[0].job.id, "a1b2c3");
  EXPECT_EQ(claimed[0].job.format, "async_iris/1");
  EXPECT_EQ(claimed[0].input, kRows);
  EXPECT_EQ(claimed[1].input, "[[6.3, 3.3, 6.0, 2.5]]") << "a bare array";
  EXPECT_EQ(status("a1b2c3"), "processing");
  ASSERT_TRUE(h.finish(claimed[0].ticket(), Completed{kResult}));
  EXPECT_EQ(status("a1b2c3"), "completed");
  EXPECT_EQ(text(Command("GET", "job:a1b2c3:result")), kResult);
  const std::int64_t left = ask(Command("TTL", "job:a1b2c3:result")).integer();
  EXPECT_GT(left, 86'000);
  EXPECT_LE(left, 86'400);
  ASSERT_TRUE(h.finish(claimed[1].ticket(), Failed{invalid("no flower"), false}));
  EXPECT_EQ(status("d4e5f6"), "failed");
}

TEST_P(RedisSeed, TakesTheOldestFirstWhoeverHandedItIn) {
  hand_in("first1");
  const std::string second = submit();
  hand_in("third3");
  std::vector<std::string> ids;
  for (const Claimed& one : h.claim("iris", 9)) ids.push_back(one.job.id);
  EXPECT_THAT(ids, ElementsAre("first1", second, "third3"));
}

TEST_P(RedisSeed, CountsAMissingStatusAsPending) {
  ask(Command("SET", "job:a1b2c3:data", kRows));
  ask(Command("LPUSH", "queue:predict", "a1b2c3"));
  EXPECT_EQ(job("a1b2c3").state, JobState::kPending);
  EXPECT_EQ(h.counts()->at(0).pending, 1U);
  EXPECT_THAT(h.claim("iris", 9), SizeIs(1));
}

TEST_P(RedisSeed, GivesAJobOfItsOwnToAnotherWorker) {
  const std::string id = submit();
  EXPECT_THAT(queue(), ElementsAre(id));
  EXPECT_EQ(status(id), "pending");
  ASSERT_EQ(take(), id);
  EXPECT_EQ(text(Command("GET", "job:" + id + ":data")), kRows);
  h.pass(seconds(1));
  EXPECT_EQ(job(id).state, JobState::kProcessing);
  EXPECT_EQ(job(id).worker, "foreign");
  complete(id);
  const auto view = h.get(id);
  EXPECT_EQ(view->job.state, JobState::kCompleted);
  EXPECT_EQ(view->output, kResult);
  EXPECT_THAT(h.list({.state = JobState::kCompleted})->jobs, SizeIs(1));
  EXPECT_EQ(h.counts()->at(0).processing, 0U);
}

TEST_P(RedisSeed, TellsThoseWhoWaitThatAnotherWorkerIsDone) {
  testing::NewsBook news;
  h.store().set_news(&news);
  const std::string id = submit();
  take();
  h.pass(seconds(1));
  complete(id);
  h.pass(seconds(1));
  h.store().set_news(nullptr);
  EXPECT_THAT(news.states_of(id), Contains(JobState::kCompleted));
}

TEST_P(RedisSeed, UnderstandsAWorkerThatWritesNoStatus) {
  const std::string id = submit();
  ASSERT_EQ(text(Command("RPOP", "queue:predict")), id);
  ask(Command("SET", "job:" + id + ":result", kResult));
  EXPECT_EQ(job(id).state, JobState::kCompleted);
}

TEST_P(RedisSeed, AdoptsAnotherWorkersFailure) {
  const std::string id = submit();
  take();
  ask(Command("SET", "job:" + id + ":result", R"({"error": "Model inference timeout"})"));
  ask(Command("SET", "job:" + id + ":status", "failed"));
  EXPECT_EQ(job(id).state, JobState::kFailed);
  EXPECT_EQ(job(id).error->message, "Model inference timeout");
}

TEST_P(RedisSeed, TakesAJobBackFromAWorkerThatDied) {
  const std::string lost = submit();
  ASSERT_EQ(take(), lost);
  h.pass(seconds(1));  // its ten minutes count from when it was seen to be gone
  const std::string next = submit();
  h.pass(minutes(9));
  EXPECT_THAT(queue(), ElementsAre(next));
  h.pass(minutes(2));
  EXPECT_THAT(queue(), ElementsAre(next, lost)) << "at the end from which the next is taken";
  EXPECT_EQ(status(lost), "pending");
  const auto claimed = h.claim("iris");
  ASSERT_THAT(claimed, SizeIs(1));
  EXPECT_EQ(claimed[0].job.id, lost);
  EXPECT_EQ(claimed[0].job.attempt, 2U);
  EXPECT_EQ(claimed[0].job.returns.lost_leases, 1U);
}

TEST_P(RedisSeed, TakesAStrangersJobBackOnceItKnowsOfIt) {
  hand_in("a1b2c3");
  ASSERT_EQ(take(), "a1b2c3");
  h.pass(seconds(1));  // whether or not it was seen in the list before
  EXPECT_EQ(job("a1b2c3").state, JobState::kProcessing);
  h.pass(minutes(11));
  EXPECT_THAT(queue(), ElementsAre("a1b2c3"));
  EXPECT_THAT(h.claim("iris"), SizeIs(1));
}

TEST_P(RedisSeed, KnowsOfAStrangersJobThatItSawInTheList) {
  hand_in("a1b2c3");
  h.pass(seconds(1));
  take();
  h.pass(seconds(1));
  EXPECT_THAT(h.list({.state = JobState::kProcessing})->jobs, SizeIs(1));
  h.pass(minutes(11));
  EXPECT_THAT(queue(), ElementsAre("a1b2c3"));
}

TEST_P(RedisSeed, LetsNobodyElseWriteWhileAWorkerOfOursHasTheJob) {
  const std::string id = submit();
  const auto claimed = h.claim("iris");
  ASSERT_THAT(claimed, SizeIs(1));
  complete(id, "a stranger's");
  EXPECT_EQ(job(id).state, JobState::kProcessing);
  ASSERT_TRUE(h.finish(claimed[0].ticket(), Completed{"ours"}));
  complete(id, "too late");
  EXPECT_EQ(job(id).state, JobState::kCompleted);
}

TEST_P(RedisSeed, BelievesALateResultRatherThanRunTheJobAgain) {
  const std::string id = submit();
  take();
  h.pass(seconds(1));
  h.pass(minutes(11));
  ASSERT_THAT(queue(), ElementsAre(id));
  complete(id);
  EXPECT_THAT(h.claim("iris"), IsEmpty());
  EXPECT_EQ(job(id).state, JobState::kCompleted);
}

TEST_P(RedisSeed, GivesUpAJobThatKillsItsWorkers) {
  const std::string id = submit();
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(take(), id);
    h.pass(seconds(1));
    h.pass(minutes(11));
  }
  EXPECT_EQ(job(id).state, JobState::kFailed);
  EXPECT_EQ(status(id), "failed");
  EXPECT_THAT(queue(), IsEmpty());
}

TEST_P(RedisSeed, TakesWhatAnotherWorkerPutBackItself) {
  const std::string id = submit();
  take();
  h.pass(seconds(1));
  ask(Command("RPUSH", "queue:predict", id));
  const auto claimed = h.claim("iris");
  ASSERT_THAT(claimed, SizeIs(1));
  EXPECT_EQ(claimed[0].job.returns.lost_leases, 0U);
  h.pass(seconds(1));
  ask(Command("RPUSH", "queue:predict", id));
  EXPECT_THAT(h.claim("iris"), IsEmpty()) << "it is ours now";
}

TEST_P(RedisSeed, TakesACancelledJobOffTheList) {
  const std::string stays = submit();
  const std::string goes = submit();
  ASSERT_TRUE(h.cancel(goes));
  EXPECT_THAT(queue(), ElementsAre(stays));
  EXPECT_EQ(status(goes), "cancelled");
  hand_in("a1b2c3");
  ASSERT_TRUE(h.cancel("a1b2c3"));
  EXPECT_EQ(status("a1b2c3"), "cancelled");
  std::vector<std::string> ids;
  for (const Claimed& one : h.claim("iris", 9)) ids.push_back(one.job.id);
  EXPECT_THAT(ids, ElementsAre(stays));
}

TEST_P(RedisSeed, ServesAnIdAgainThatItsProxyUsedTwice) {
  hand_in("a1b2c3");
  auto claimed = h.claim("iris");
  ASSERT_TRUE(h.finish(claimed.at(0).ticket(), Completed{"first"}));
  hand_in("a1b2c3", "[[1, 1, 1, 1]]");
  claimed = h.claim("iris");
  ASSERT_THAT(claimed, SizeIs(1));
  EXPECT_EQ(claimed[0].job.attempt, 2U) << "what has the first job's ticket is refused";
  EXPECT_EQ(claimed[0].input, "[[1, 1, 1, 1]]");
  ASSERT_TRUE(h.finish(claimed[0].ticket(), Completed{"second"}));
  EXPECT_EQ(h.get("a1b2c3")->output, "second");
}

TEST_P(RedisSeed, KeepsOtherPrioritiesAndFormatsOutOfTheList) {
  const std::string high = submit(Priority::kHigh);
  const std::string other = submit(Priority::kNormal, "infer/1");
  EXPECT_THAT(queue(), IsEmpty());
  EXPECT_EQ(status(high), "pending") << "who asks for it by the seed's keys finds it";
  EXPECT_EQ(status(other), "");
  EXPECT_THAT(h.claim("iris", 9), SizeIs(2));
}

TEST_P(RedisSeed, PassesOverWhatIsNoJob) {
  ask(Command("LPUSH", "queue:predict", "not an id", std::string(65, 'x')));
  hand_in("a1b2c3");
  ask(Command("LPUSH", "queue:predict", "nodata"));
  const auto claimed = h.claim("iris", 9);
  ASSERT_THAT(claimed, SizeIs(1));
  EXPECT_EQ(claimed[0].job.id, "a1b2c3");
  EXPECT_EQ(job("nodata").state, JobState::kFailed);
  EXPECT_THAT(queue(), IsEmpty());
}

TEST_P(RedisSeed, ForgetsAStrangersJobAfterADay) {
  hand_in("a1b2c3");
  take();
  complete("a1b2c3");
  EXPECT_EQ(job("a1b2c3").state, JobState::kCompleted);
  h.pass(hours(25));
  EXPECT_EQ(h.get("a1b2c3").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(ask(Command("KEYS", "job:a1b2c3:*")).items(), IsEmpty());
}

TEST_P(RedisSeed, WakesAnIdleWorkerWhenAnotherProxyHandsIn) {
  testing::NewsBook news;
  h.store().set_news(&news);
  EXPECT_THAT(h.claim("iris"), IsEmpty());
  hand_in("a1b2c3");
  const auto until = std::chrono::steady_clock::now() + seconds(30);
  while (news.ready().empty() && std::chrono::steady_clock::now() < until) {
    (void)h.counts();
  }
  h.store().set_news(nullptr);
  EXPECT_THAT(news.ready(), Contains("iris"));
  EXPECT_THAT(queue(), ElementsAre("a1b2c3")) << "where whoever wakes can lose it no more";
}

INSTANTIATE_TEST_SUITE_P(
    Servers, RedisSeed, ::testing::Values("redis-server", "valkey-server"), [](const auto& info) {
      return std::string(info.param).substr(0, std::string(info.param).find('-'));
    });

}  // namespace
}  // namespace sluice::jobs
