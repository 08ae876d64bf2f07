// What holds of batches on a Redis server beyond what holds of all: several nodes, and what is left
// on the server.
#include "jobs/redis_batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "jobs/testing_redis_store.h"

namespace sluice::jobs {
namespace {

using redis::Command;
using std::chrono::hours;
using std::chrono::milliseconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RedisBatchesTest : public ::testing::Test {
 protected:
  static std::vector<NewJob> lines(std::uint32_t first, std::uint32_t last) {
    std::vector<NewJob> all;
    for (std::uint32_t i = first; i <= last; ++i) {
      all.push_back({.callable = "iris", .format = "test/1", .input = "{}", .owner = "me"});
      all.back().line = i;
    }
    return all;
  }
  std::string running(std::uint32_t count) {
    const std::string id = h.create_batch({.owner = "me"})->id;
    EXPECT_TRUE(h.add_to_batch(id, lines(1, count)));
    EXPECT_TRUE(h.seal_batch(id));
    h.pass(milliseconds(1));
    return id;
  }
  // Until it is let go, stopped or dropped altogether, in as many steps as that takes.
  template <class Condition>
  bool eventually(Condition condition) {
    for (int i = 0; i < 10'000; ++i) {
      if (condition()) return true;
      h.pass(milliseconds(1));
    }
    return false;
  }
  Result<Batch> batch_at(Store& store, const std::string& id) {
    return testing::wait_for<Batch>(
        [&](auto done) { store.batches()->get_batch(h.home(), id, std::move(done)); });
  }
  std::vector<std::string> keys() {
    std::vector<std::string> found;
    const redis::Reply all = h.ask(Command("KEYS", "*"));
    for (const redis::Reply& key : all.items()) found.emplace_back(key.text());
    std::ranges::sort(found);
    return found;
  }

  testing::RedisHarness h{"redis-server", std::nullopt};
};

TEST_F(RedisBatchesTest, AreTheSameForEveryNode) {
  const std::string id = running(4);
  const auto mine = h.claim("iris", 2);
  const auto others = testing::wait_for<std::vector<Claimed>>(
      [&](auto done) { h.other().claim(h.home(), {{{"iris", 9}}, "other", {}}, std::move(done)); });
  ASSERT_THAT(mine, SizeIs(2));
  ASSERT_THAT(*others, SizeIs(2));
  EXPECT_EQ(batch_at(h.other(), id)->processing, 4U);
  for (const Claimed& one : mine) ASSERT_TRUE(h.finish(one.ticket(), Completed{"[]"}));
  for (const Claimed& one : *others) {
    ASSERT_TRUE(testing::wait_for<Job>([&](auto done) {
      h.other().finish(h.home(), one.ticket(), Completed{"[]"}, std::move(done));
    }));
  }
  EXPECT_EQ(h.batch(id), batch_at(h.other(), id));
  EXPECT_EQ(h.batch(id)->state, BatchState::kCompleted);
}

TEST_F(RedisBatchesTest, LeaveNothingOnTheServerWhenTheyGo) {
  const std::string id = h.create_batch({.owner = "me"})->id;
  auto some = lines(1, 600);
  some[1].broken = invalid("no");
  some[2].webhook = "https://example.test/";
  ASSERT_TRUE(h.add_to_batch(id, some));
  ASSERT_TRUE(h.seal_batch(id));
  ASSERT_TRUE(eventually([&] { return h.counts()->front().pending == 599; }));
  for (const Claimed& one : h.claim("iris", 5)) {
    ASSERT_TRUE(h.finish(one.ticket(), Completed{"[]"}));
  }
  const auto failed = h.claim("iris", 1);
  ASSERT_TRUE(h.finish(failed[0].ticket(), Failed{internal("no"), false}));
  ASSERT_TRUE(h.cancel_batch(id));
  ASSERT_TRUE(eventually([&] { return h.batch(id)->state == BatchState::kCancelled; }));
  // What waited in a queue and was cancelled is passed over there.
  EXPECT_THAT(h.claim("iris", 10), IsEmpty());
  EXPECT_EQ(h.batch(id)->cancelled, 593U);

  h.pass(hours(25));
  EXPECT_EQ(h.batch(id).error().code, ErrorCode::kNotFound);
  EXPECT_THAT(*h.batches(std::nullopt, "", 10), IsEmpty());
  const std::vector<std::string> stays = {"sluice:v2:counts", "sluice:v2:owners", "sluice:v2:seq",
                                          "sluice:v2:{iris}:turn"};
  EXPECT_TRUE(eventually([&] { return keys() == stays; })) << ::testing::PrintToString(keys());
}

TEST_F(RedisBatchesTest, KeepALineThatFitsNoRecordAsABrokenOne) {
  const std::string id = h.create_batch({})->id;
  auto both = lines(1, 2);
  both[0].callable.assign(100'000, 'c');
  ASSERT_TRUE(h.add_to_batch(id, both));
  ASSERT_TRUE(h.seal_batch(id));
  const auto broken = h.read_batch({id, false, 0, 10, 1 << 20});
  ASSERT_THAT(*broken, SizeIs(1));
  EXPECT_EQ(broken->front().job.line, 1U);
  EXPECT_EQ(broken->front().job.error->code, ErrorCode::kInvalid);
  EXPECT_EQ(h.batch(id)->pending, 1U);
}

TEST_F(RedisBatchesTest, AreListedInPagesOfAnySize) {
  std::vector<std::string> made;
  for (int i = 0; i < 230; ++i) made.push_back(h.create_batch({.owner = "me"})->id);
  std::ranges::reverse(made);
  std::vector<std::string> listed;
  const auto all = h.batches("me", "", 1000);
  for (const Batch& batch : *all) listed.push_back(batch.id);
  EXPECT_EQ(listed, made);
  EXPECT_EQ(h.batches("me", made[150], 3)->front().id, made[151]);
  EXPECT_THAT(*h.batches("me", made[228], 1000), SizeIs(1));
  EXPECT_EQ(h.batches("me", "nonsense", 3).error().code, ErrorCode::kInvalid);
}

TEST_F(RedisBatchesTest, LetManyLinesGoInSmallSteps) {
  const std::string id = h.create_batch({})->id;
  for (std::uint32_t i = 0; i < 10; ++i) {
    ASSERT_TRUE(h.add_to_batch(id, lines(i * 1000 + 1, (i + 1) * 1000)));
  }
  ASSERT_TRUE(h.seal_batch(id));
  ASSERT_TRUE(eventually([&] {
    const auto released =
        h.ask(Command("HGET", "sluice:v2:record:{" + id + "}", "released")).number();
    EXPECT_TRUE(released == 10'000 || released.value_or(1) % 64 == 0);
    return released == 10'000;
  }));
  ASSERT_TRUE(h.cancel_batch(id));
  ASSERT_TRUE(eventually([&] { return h.batch(id)->state == BatchState::kCancelled; }));
  EXPECT_EQ(h.batch(id)->cancelled, 10'000U);
}

}  // namespace
}  // namespace sluice::jobs
