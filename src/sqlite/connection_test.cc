#include "sqlite/connection.h"

#include <gtest/gtest.h>

#include <fstream>

#include "sqlite/backup.h"
#include "sqlite/testing_folder.h"

namespace sluice::sqlite {
namespace {

using Mode = Connection::Mode;

std::unique_ptr<Connection> open(const std::filesystem::path& file) {
  auto connection = Connection::open(file, Mode::kCreate);
  EXPECT_TRUE(connection) << connection.error().message;
  return std::move(*connection);
}

TEST(Connection, GivesBackWhatIsBound) {
  const testing::TemporaryFolder folder;
  const auto c = open(folder / "a.db");
  ASSERT_TRUE(c->run("CREATE TABLE t (i INTEGER, r REAL, s TEXT, b BLOB, n INTEGER)"));
  Statement insert(*c, "INSERT INTO t VALUES (?, ?, ?, ?, ?)");
  const std::string bytes("\0\xFF", 2);
  insert.bind(1, std::int64_t{1} << 62).bind(2, 0.5).bind(3, std::string_view(""));
  insert.bind_blob(4, std::string_view(bytes)).bind_null(5);
  EXPECT_EQ(insert.run(), 1);
  Statement select(*c, "SELECT * FROM t");
  ASSERT_TRUE(select.step());
  EXPECT_EQ(select.integer(0), std::int64_t{1} << 62);
  EXPECT_EQ(select.real(1), 0.5);
  EXPECT_FALSE(select.is_null(2)) << "an empty text is a text";
  EXPECT_EQ(select.text(2), "");
  EXPECT_EQ(select.blob(3), bytes);
  EXPECT_TRUE(select.is_null(4));
  EXPECT_FALSE(select.step());
  EXPECT_FALSE(c->trouble());
}

TEST(Connection, KeepsItsFirstTroubleAndDoesNothingAfterIt) {
  const testing::TemporaryFolder folder;
  const auto c = open(folder / "a.db");
  ASSERT_TRUE(c->run("CREATE TABLE t (i INTEGER UNIQUE)"));
  Statement insert(*c, "INSERT INTO t VALUES (?)");
  EXPECT_EQ(insert.bind(1, std::int64_t{1}).run(), 1);
  EXPECT_EQ(insert.bind(1, std::int64_t{1}).run(), 0);
  ASSERT_TRUE(c->trouble());
  EXPECT_TRUE(c->trouble()->message.contains("UNIQUE")) << c->trouble()->message;
  EXPECT_EQ(insert.bind(1, std::int64_t{2}).run(), 0);
  c->clear_trouble();
  EXPECT_EQ(insert.bind(1, std::int64_t{2}).run(), 1);
}

TEST(Connection, LeavesAFileThatIsNoDatabaseAsItIs) {
  const testing::TemporaryFolder folder;
  const auto file = folder / "a.db";
  const std::string text(8192, 'x');
  std::ofstream(file) << text;
  const auto c = Connection::open(file, Mode::kCreate);
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().code, ErrorCode::kInternal);
  EXPECT_TRUE(c.error().message.contains("left as it is")) << c.error().message;
  std::ifstream again(file);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(again), {}), text);
}

TEST(Connection, SaysThatAFileCannotBeOpened) {
  const auto c = Connection::open("/nonexistent/a.db", Mode::kReadWrite);
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(c.error().message.contains("/nonexistent/a.db"));
}

TEST(Connection, ReportsAFullDiskAsSomethingThatMayPass) {
  const testing::TemporaryFolder folder;
  const auto c = open(folder / "a.db");
  ASSERT_TRUE(c->run("PRAGMA max_page_count = 4; CREATE TABLE t (b BLOB)"));
  Statement insert(*c, "INSERT INTO t VALUES (zeroblob(65536))");
  insert.run();
  ASSERT_TRUE(c->trouble());
  EXPECT_EQ(c->trouble()->code, ErrorCode::kUnavailable);
  EXPECT_TRUE(c->trouble()->retry_after);
}

TEST(Backup, CopiesADatabaseThatIsInUse) {
  const testing::TemporaryFolder folder;
  const auto c = open(folder / "a.db");
  ASSERT_TRUE(c->run("PRAGMA journal_mode = WAL; CREATE TABLE t (i); INSERT INTO t VALUES (7)"));
  ASSERT_TRUE(c->run("BEGIN IMMEDIATE; INSERT INTO t VALUES (8)"));
  const auto reader = open(folder / "a.db");
  ASSERT_TRUE(back_up(*reader, folder / "copy.db"));
  const auto copy = open(folder / "copy.db");
  EXPECT_EQ(*copy->number("SELECT sum(i) FROM t"), 7) << "what was committed, and only that";
  EXPECT_TRUE(verify(*copy));
  EXPECT_EQ(back_up(*reader, folder / "copy.db").error().code, ErrorCode::kConflict);
}

TEST(Backup, FindsADamagedFile) {
  const testing::TemporaryFolder folder;
  const auto file = folder / "a.db";
  {
    const auto c = open(file);
    ASSERT_TRUE(
        c->run("CREATE TABLE t (b); CREATE INDEX i ON t (b); WITH RECURSIVE n(x) AS (SELECT "
               "1 UNION ALL SELECT x + 1 FROM n LIMIT 5000) INSERT INTO t SELECT x FROM n"));
  }
  std::fstream damage(file, std::ios::in | std::ios::out | std::ios::binary);
  damage.seekp(3L * 4096);
  damage << std::string(4096, '\x55');
  damage.close();
  const auto c = open(file);
  const auto sound = verify(*c);
  ASSERT_FALSE(sound);
  EXPECT_EQ(sound.error().code, ErrorCode::kInternal);
}

}  // namespace
}  // namespace sluice::sqlite
