#include "sqlite/writer.h"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <future>
#include <latch>

#include "sqlite/readers.h"
#include "sqlite/testing_folder.h"

namespace sluice::sqlite {
namespace {

class Lambda final : public Write {
 public:
  Lambda(std::function<void()> apply, std::function<void(Result<>)> settle)
      : apply_(std::move(apply)), settle_(std::move(settle)) {}
  void apply() override { apply_(); }
  void settle(Result<> committed) override { settle_(std::move(committed)); }

 private:
  std::function<void()> apply_;
  std::function<void(Result<>)> settle_;
};

class WriterTest : public ::testing::Test {
 protected:
  WriterTest() { open({}); }
  void open(Writer::Options options) {
    writer.reset();
    auto connection = Connection::open(folder / "a.db", Connection::Mode::kCreate);
    ASSERT_TRUE(connection);
    ASSERT_TRUE((*connection)->run("PRAGMA journal_mode = WAL"));
    ASSERT_TRUE((*connection)->run("CREATE TABLE IF NOT EXISTS t (i INTEGER UNIQUE)"));
    commits = 0;
    writer = std::make_unique<Writer>(std::move(*connection), options,
                                      Writer::Hooks{{}, [this](const Result<>&) { ++commits; }});
  }
  Result<> insert(int value, std::function<void(Result<>)> settle) {
    return writer->submit(std::make_unique<Lambda>(
        [own = writer.get(), value] {
          Statement(own->connection(), "INSERT INTO t VALUES (?)")
              .bind(1, std::int64_t{value})
              .run();
        },
        std::move(settle)));
  }
  // Holds the writer's thread until it is let go.
  std::promise<void> hold() {
    std::promise<void> go;
    std::latch held(1);
    EXPECT_TRUE(writer->submit(std::make_unique<Lambda>(
        [&held, wait = go.get_future().share()] {
          held.count_down();
          wait.wait();
        },
        [](Result<>) {})));
    held.wait();
    return go;
  }
  std::int64_t rows() {
    auto connection = Connection::open(folder / "a.db", Connection::Mode::kReadWrite);
    return (*connection)->number("SELECT count(*) FROM t")->value_or(-1);
  }

  void insert_one_by_one(int from, int to) {
    for (int value = from; value < to; ++value) {
      std::promise<void> done;
      ASSERT_TRUE(insert(value, [&](Result<> ok) {
        EXPECT_TRUE(ok);
        done.set_value();
      }));
      done.get_future().wait();
    }
  }
  // How often the log has begun anew: the sequence number in its header, which SQLite's file format
  // has at byte 12.
  std::uint32_t log_begun() {
    std::ifstream file(folder / "a.db-wal", std::ios::binary);
    std::array<char, 16> header{};
    EXPECT_TRUE(file.read(header.data(), header.size()));
    std::uint32_t number = 0;
    for (int i = 12; i < 16; ++i) number = number << 8U | static_cast<std::uint8_t>(header[i]);
    return number;
  }
  std::uintmax_t log_size() { return std::filesystem::file_size(folder / "a.db-wal"); }

  testing::TemporaryFolder folder;
  std::atomic<int> commits = 0;
  std::unique_ptr<Writer> writer;
};

TEST_F(WriterTest, SettlesAfterTheCommitSoThatOthersCanReadIt) {
  std::promise<std::int64_t> seen;
  ASSERT_TRUE(insert(1, [&](Result<> ok) { seen.set_value(ok ? rows() : -1); }));
  EXPECT_EQ(seen.get_future().get(), 1);
}

TEST_F(WriterTest, CommitsTogetherWhatGatheredMeanwhile) {
  auto go = hold();
  std::latch all(100);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(insert(i, [&](Result<> ok) {
      EXPECT_TRUE(ok);
      all.count_down();
    }));
  }
  go.set_value();
  all.wait();
  EXPECT_EQ(commits, 2);
  EXPECT_EQ(rows(), 100);
}

TEST_F(WriterTest, UndoesAllOfATransactionInWhichOneChangeGotIntoTrouble) {
  auto go = hold();
  std::latch all(3);
  std::atomic<int> refused = 0;
  for (const int value : {1, 1, 2}) {
    ASSERT_TRUE(insert(value, [&](Result<> ok) {
      if (!ok) ++refused;
      all.count_down();
    }));
  }
  go.set_value();
  all.wait();
  EXPECT_EQ(refused, 3);
  EXPECT_EQ(rows(), 0);
  std::promise<Result<>> next;
  ASSERT_TRUE(insert(5, [&](Result<> ok) { next.set_value(ok); }));
  EXPECT_TRUE(next.get_future().get()) << "the next one is as if nothing had been";
}

TEST_F(WriterTest, RefusesWhatIsBeyondItsQueue) {
  open({.queue_limit = 2});
  auto go = hold();
  std::latch all(2);
  const auto settle = [&](Result<>) { all.count_down(); };
  EXPECT_TRUE(insert(1, settle));
  EXPECT_TRUE(insert(2, settle));
  const auto third = insert(3, settle);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, ErrorCode::kExhausted);
  EXPECT_TRUE(third.error().retry_after);
  go.set_value();
  all.wait();
}

TEST_F(WriterTest, WritesWhatIsQueuedBeforeItGoes) {
  auto go = hold();
  std::atomic<int> settled = 0;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(insert(i, [&](Result<>) { ++settled; }));
  go.set_value();
  writer.reset();
  EXPECT_EQ(settled, 10);
  EXPECT_EQ(rows(), 10);
}

TEST_F(WriterTest, FoldsTheLogWhenItIsLongAndNotAtEveryCommitFromThenOn) {
  constexpr std::size_t kLongest = 256U << 10;
  open({.longest_log = kLongest});
  insert_one_by_one(0, 100);
  ASSERT_GT(log_size(), kLongest);
  const auto begun = log_begun();
  insert_one_by_one(100, 400);
  // A change writes one page at least and three at most: 300 of them fill it not more often.
  EXPECT_GT(log_begun(), begun);
  EXPECT_LE(log_begun(), begun + 15);
  EXPECT_LT(log_size(), kLongest + (64U << 10)) << "it is written again from its beginning";
}

TEST_F(WriterTest, GoesOnWhileSomebodyReadsAnOldStateAndFoldsTheLogAfterwards) {
  constexpr std::size_t kLongest = 256U << 10;
  open({.longest_log = kLongest});
  insert_one_by_one(0, 1);
  auto reader = *Connection::open(folder / "a.db", Connection::Mode::kReadWrite);
  ASSERT_TRUE(reader->run("BEGIN; SELECT count(*) FROM t"));
  insert_one_by_one(1, 60);
  const auto begun = log_begun();
  ASSERT_TRUE(reader->run("COMMIT"));
  insert_one_by_one(60, 160);
  EXPECT_GT(log_begun(), begun);
}

TEST(Readers, SeeWhatWasCommittedBeforeTheyWereAsked) {
  const testing::TemporaryFolder folder;
  auto writer = *Connection::open(folder / "a.db", Connection::Mode::kCreate);
  ASSERT_TRUE(writer->run("PRAGMA journal_mode = WAL; CREATE TABLE t (i)"));
  auto readers = Readers<Connection>::start(
      2, 100, [&] { return Connection::open(folder / "a.db", Connection::Mode::kReadWrite); });
  ASSERT_TRUE(readers);
  for (int i = 1; i <= 50; ++i) {
    ASSERT_TRUE(writer->run("INSERT INTO t VALUES (1)"));
    std::promise<std::int64_t> seen;
    ASSERT_TRUE((*readers)->submit(
        [&](Connection& c) { seen.set_value(c.number("SELECT count(*) FROM t")->value_or(-1)); }));
    ASSERT_EQ(seen.get_future().get(), i);
  }
}

}  // namespace
}  // namespace sluice::sqlite
