// What holds of idempotency keys of batches in every store.
#include <gtest/gtest.h>

#include "jobs/testing_store.h"

namespace sluice::jobs {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

struct Kind {
  const char* name;
  std::unique_ptr<testing::StoreHarness> (*make)();
};

class StoreBatchKeys : public ::testing::TestWithParam<Kind> {
 protected:
  StoreBatchKeys() : h(GetParam().make()) {}
  Result<CreatedBatch> create(const std::string& key, const std::string& owner = "me") {
    return h->create_or_find_batch({.owner = owner, .metadata = {}, .idempotency_key = key});
  }
  std::string sealed(const std::string& key, const std::string& digest) {
    const auto created = create(key);
    EXPECT_TRUE(created) << created.error().message;
    EXPECT_FALSE(created->digest);
    NewJob line{.callable = "iris", .format = "test/1", .input = "1"};
    line.line = 1;
    EXPECT_TRUE(h->add_to_batch(created->batch.id, {line}));
    EXPECT_TRUE(h->seal_batch(created->batch.id, digest));
    return created->batch.id;
  }
  std::unique_ptr<testing::StoreHarness> h;
};

TEST_P(StoreBatchKeys, GiveTheBatchThatWasSealedUnderThem) {
  const std::string bytes("d\0\n\xff", 4);
  const std::string id = sealed("key", bytes);
  h->reopen();
  const auto again = create("key");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->batch.id, id);
  EXPECT_EQ(again->batch.lines, 1U);
  EXPECT_EQ(again->digest, bytes);
}

TEST_P(StoreBatchKeys, AreTheirOwnersAndEachItsOwn) {
  const std::string id = sealed("key", "d");
  for (const auto& other : {create("key", "another"), create("key2"), create(""), create("")}) {
    ASSERT_TRUE(other);
    EXPECT_NE(other->batch.id, id);
    EXPECT_FALSE(other->digest);
  }
}

TEST_P(StoreBatchKeys, AreRefusedWhileAnUploadGoesOn) {
  ASSERT_TRUE(create("key"));
  const auto second = create("key");
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(second.error().retry_after);
}

TEST_P(StoreBatchKeys, AreLeftToTheNextWhenAnUploadFails) {
  const std::string stopped = create("key")->batch.id;
  ASSERT_TRUE(h->cancel_batch(stopped, "the upload broke off"));
  const std::string silent = create("key")->batch.id;
  EXPECT_NE(silent, stopped);
  h->pass(minutes(6));
  const std::string third = sealed("key", "d");
  EXPECT_NE(third, silent);
  EXPECT_EQ(create("key")->batch.id, third);
}

TEST_P(StoreBatchKeys, StayWhenTheirBatchIsCancelled) {
  const std::string id = sealed("key", "d");
  ASSERT_TRUE(h->cancel_batch(id));
  h->pass(milliseconds(1));
  EXPECT_EQ(create("key")->batch.id, id);
  EXPECT_EQ(create("key")->batch.state, BatchState::kCancelled);
}

TEST_P(StoreBatchKeys, GoWithTheirBatch) {
  const std::string failed = create("key")->batch.id;
  ASSERT_TRUE(h->cancel_batch(failed, "the upload broke off"));
  h->pass(hours(1));
  const std::string id = sealed("key", "d");
  ASSERT_TRUE(h->cancel_batch(id));
  h->pass(milliseconds(1));
  h->pass(hours(23) + minutes(30));
  EXPECT_EQ(h->batch(failed).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(create("key")->batch.id, id) << "the key is not that of the one that went";
  h->pass(hours(1));
  const auto after = create("key");
  ASSERT_TRUE(after);
  EXPECT_NE(after->batch.id, id);
  EXPECT_FALSE(after->digest);
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreBatchKeys,
                         ::testing::Values(Kind{"sqlite", testing::make_sqlite_harness},
                                           Kind{"redis", testing::make_redis_harness},
                                           Kind{"valkey", testing::make_valkey_harness}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace sluice::jobs
