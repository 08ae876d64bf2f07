// The embedded store's file when it is damaged while it is in use, and who may read it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <future>
#include <string>

#include "base/uuid.h"
#include "jobs/sqlite_store.h"
#include "jobs/testing_store.h"
#include "sqlite/testing_folder.h"

namespace sluice::jobs {
namespace {

using ::testing::HasSubstr;

class SqliteDamage : public ::testing::Test {
 protected:
  SqliteDamage() {
    auto store = open_sqlite_store({.file = file(),
                                    .on_damage =
                                        [this](const Error& why) {
                                          ++told_;
                                          EXPECT_THAT(why.message, HasSubstr("jobs.db"));
                                        }},
                                   clock_, timers_.loop, random_);
    EXPECT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
  }
  [[nodiscard]] std::filesystem::path file(const std::string& end = "") const {
    return folder_ / ("jobs.db" + end).c_str();
  }
  Result<Submitted> submit() {
    return testing::wait_for<Submitted>([&](auto done) {
      store_->submit(home_.loop, {.callable = "iris", .format = "t/1", .input = "1"},
                     std::move(done));
    });
  }
  Result<JobView> get(const std::string& id) {
    return testing::wait_for<JobView>(
        [&](auto done) { store_->get(home_.loop, id, Store::Want::kRecord, std::move(done)); });
  }
  // Every page, in the file and in its log.
  void damage() const {
    for (const char* end : {"", "-wal"}) {
      const auto size = std::filesystem::file_size(file(end));
      std::fstream to(file(end), std::ios::in | std::ios::out | std::ios::binary);
      to << std::string(size, 'y');
    }
  }

  sluice::testing::TemporaryFolder folder_;
  testing::SharedClock clock_;
  testing::LoopThread timers_;
  testing::LoopThread home_;
  SystemRandom random_;
  std::atomic<int> told_ = 0;
  std::unique_ptr<Store> store_;
};

TEST_F(SqliteDamage, IsToldOnceAndThenEverybodyIsRefused) {
  const auto accepted = submit();
  ASSERT_TRUE(accepted);
  ASSERT_TRUE(store_->ready());
  damage();
  for (int i = 0; i < 4; ++i) {
    const auto got = get(accepted->id);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(got.error().message, HasSubstr("damaged"));
    EXPECT_TRUE(got.error().retry_after);
  }
  const auto refused = submit();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("damaged"));
  EXPECT_FALSE(store_->ready());
  EXPECT_EQ(told_, 1);
}

TEST_F(SqliteDamage, FilesAreTheProcesssOwn) {
  ASSERT_TRUE(submit());
  for (const char* end : {"", "-wal", "-shm"}) {
    struct stat found{};
    ASSERT_EQ(::stat(file(end).c_str(), &found), 0) << end;
    EXPECT_EQ(found.st_mode & 0777U, 0600U) << end;
  }
}

}  // namespace
}  // namespace sluice::jobs
