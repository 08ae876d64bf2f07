#include "sqlite/migrations.h"

#include <gtest/gtest.h>

#include <array>

#include "sqlite/testing_folder.h"

namespace sluice::sqlite {
namespace {

constexpr std::array<std::string_view, 2> kSteps = {
    "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)", "ALTER TABLE t ADD COLUMN b INTEGER"};
constexpr Schema kOld{77, std::span(kSteps).first<1>()};
constexpr Schema kNew{77, kSteps};

class MigrationsTest : public ::testing::Test {
 protected:
  MigrationsTest() {
    auto opened = Connection::open(folder / "a.db", Connection::Mode::kCreate);
    EXPECT_TRUE(opened);
    c = std::move(*opened);
  }
  testing::TemporaryFolder folder;
  std::unique_ptr<Connection> c;
};

TEST_F(MigrationsTest, TakeANewFileToTheLatestVersion) {
  ASSERT_TRUE(migrate(*c, kNew));
  EXPECT_EQ(*c->number("PRAGMA user_version"), 2);
  EXPECT_EQ(*c->number("SELECT count(b) + 1 FROM t"), 1);
  EXPECT_TRUE(migrate(*c, kNew)) << "again changes nothing";
}

TEST_F(MigrationsTest, TakeAnOlderFileOnWithWhatIsInIt) {
  ASSERT_TRUE(migrate(*c, kOld));
  ASSERT_TRUE(migrate(*c, kNew));
  EXPECT_EQ(*c->number("SELECT a FROM t WHERE b IS NULL"), 1);
}

TEST_F(MigrationsTest, RefuseALaterFileAndAnotherProgramsFile) {
  ASSERT_TRUE(migrate(*c, kNew));
  EXPECT_EQ(migrate(*c, kOld).error().code, ErrorCode::kConflict);
  const Schema foreign{78, kSteps};
  EXPECT_EQ(migrate(*c, foreign).error().code, ErrorCode::kConflict);
  EXPECT_EQ(*c->number("PRAGMA user_version"), 2);
}

TEST_F(MigrationsTest, HappenAsAWholeOrNotAtAll) {
  constexpr std::array<std::string_view, 2> broken = {"CREATE TABLE t (a)", "CREATE NONSENSE"};
  EXPECT_FALSE(migrate(*c, Schema{77, broken}));
  EXPECT_EQ(*c->number("SELECT count(*) FROM sqlite_schema"), 0);
  EXPECT_TRUE(migrate(*c, kNew));
}

}  // namespace
}  // namespace sluice::sqlite
