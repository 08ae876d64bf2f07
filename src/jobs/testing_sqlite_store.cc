#include <gtest/gtest.h>

#include <filesystem>

#include "base/uuid.h"
#include "jobs/sqlite_store.h"
#include "jobs/testing_store.h"

namespace sluice::jobs::testing {

namespace {

class SqliteHarness final : public StoreHarness {
 public:
  SqliteHarness() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-jobs-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    open();
  }
  ~SqliteHarness() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  Store& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    open();
  }
  void pass(Duration time) override {
    clock_.advance(time);
    // The next look at the queues begins after this change, and the one after it has ended then.
    for (int i = 0; i < 3; ++i) {
      std::promise<void> ticked;
      timers_.loop.post(
          [&] { timers_.loop.run_at(timers_.loop.now() + kTend, [&] { ticked.set_value(); }); });
      ticked.get_future().wait();
      (void)counts();
    }
  }
  [[nodiscard]] WallTime wall() const override { return clock_.wall(); }

 private:
  static constexpr Duration kTend = std::chrono::milliseconds(1);
  void open() {
    auto store = open_sqlite_store({.file = folder_ / "jobs.db", .tend_every = kTend}, clock_,
                                   timers_.loop, random_);
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
  }

  SharedClock clock_;
  LoopThread timers_;
  SystemRandom random_;
  std::filesystem::path folder_;
  std::unique_ptr<Store> store_;
};

}  // namespace

std::unique_ptr<StoreHarness> make_sqlite_harness() {
  return std::make_unique<SqliteHarness>();
}

}  // namespace sluice::jobs::testing
