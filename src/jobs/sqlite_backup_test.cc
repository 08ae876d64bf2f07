// Backups of the embedded store, made and taken back while it is in use.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "jobs/testing_store.h"
#include "sqlite/testing_folder.h"

namespace sluice::jobs {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class SqliteBackup : public ::testing::Test {
 protected:
  std::string submit(const std::string& input) {
    return h_->submit({.callable = "iris", .format = "test/1", .input = input})->id;
  }
  Result<> back_up(const std::filesystem::path& to) {
    return testing::wait_for<void>(
        [&](auto done) { h_->store().backups()->back_up(h_->home(), to, std::move(done)); });
  }
  Result<> restore(const std::filesystem::path& from) {
    return testing::wait_for<void>(
        [&](auto done) { h_->store().backups()->restore(h_->home(), from, std::move(done)); });
  }

  sluice::testing::TemporaryFolder folder_;
  std::unique_ptr<testing::StoreHarness> h_ = testing::make_sqlite_harness();
};

TEST_F(SqliteBackup, TakesBackWhatTheStoreHeldThen) {
  const std::string first = submit("1");
  ASSERT_TRUE(back_up(folder_ / "a.db"));
  const std::string second = submit("2");
  const auto claimed = h_->claim("iris", 1);
  ASSERT_THAT(claimed, SizeIs(1));
  ASSERT_TRUE(restore(folder_ / "a.db"));
  EXPECT_EQ(h_->get(first)->job.state, JobState::kPending);
  EXPECT_EQ(h_->get(second).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(h_->extend({claimed[0].ticket()}, std::chrono::seconds(9))->front());
  const std::string third = submit("3");
  EXPECT_THAT(h_->claim("iris", 9), SizeIs(2));
  h_->reopen();
  EXPECT_TRUE(h_->get(first));
  EXPECT_TRUE(h_->get(third));
  EXPECT_EQ(h_->counts()->front().processing, 2U);
}

TEST_F(SqliteBackup, LeavesEverythingAsItWasForWhatIsNoBackup) {
  const std::string id = submit("1");
  std::ofstream(folder_ / "empty.db").flush();
  std::ofstream(folder_ / "text.db") << std::string(10'000, 'x');
  ASSERT_TRUE(back_up(folder_ / "damaged.db"));
  {
    std::fstream file(folder_ / "damaged.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 * 2);
    file << std::string(8192, 'y');
  }
  for (const char* name : {"empty.db", "text.db", "damaged.db", "none.db"}) {
    EXPECT_EQ(restore(folder_ / name).error().code, ErrorCode::kInvalid) << name;
  }
  EXPECT_TRUE(h_->get(id));
  submit("2");
}

TEST_F(SqliteBackup, DoesNotWriteOverAFile) {
  std::ofstream(folder_ / "a.db") << "mine";
  EXPECT_EQ(back_up(folder_ / "a.db").error().code, ErrorCode::kConflict);
}

}  // namespace
}  // namespace sluice::jobs
