#include "base/state_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <map>
#include <vector>

namespace sluice {
namespace {

namespace fs = std::filesystem;
using Set = std::map<std::string, std::string>;

Variables variables_of(const Set& set) {
  return [set](const std::string& name) -> std::optional<std::string> {
    const auto found = set.find(name);
    return found == set.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(StateFolder, IsTheFirstThatIsNamed) {
  struct Case {
    std::string configured;
    Set variables;
    std::string expected;
  };
  const std::vector<Case> cases = {
      {"/a/b/../c", {{"SLUICE_DATA_DIR", "/data"}}, "/a/c"},
      {"", {{"SLUICE_DATA_DIR", "/data"}, {"XDG_STATE_HOME", "/state"}}, "/data"},
      {"", {{"SLUICE_DATA_DIR", ""}, {"XDG_STATE_HOME", "/state"}}, "/state/sluice"},
      {"", {{"XDG_STATE_HOME", "relative"}, {"HOME", "/h"}}, "/h/.local/state/sluice"},
      {"", {{"HOME", "/h"}}, "/h/.local/state/sluice"},
      {"", {{"SLUICE_DATA_DIR", "data"}}, (fs::current_path() / "data").string()},
  };
  for (const Case& c : cases) {
    const auto found = find_state_folder(c.configured, variables_of(c.variables));
    ASSERT_TRUE(found) << c.expected;
    EXPECT_EQ(found->string(), c.expected);
  }
}

TEST(StateFolder, IsAskedForWhereNothingNamesIt) {
  const auto found = find_state_folder({}, variables_of({{"HOME", ""}}));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kInvalid);
  EXPECT_NE(found.error().message.find("SLUICE_DATA_DIR"), std::string::npos);
}

class MadeStateFolder : public testing::Test {
 protected:
  MadeStateFolder() {
    std::string made = (fs::temp_directory_path() / "state-XXXXXX").string();
    if (::mkdtemp(made.data()) == nullptr) throw std::runtime_error("no temporary folder");
    root_ = made;
  }
  ~MadeStateFolder() override { fs::remove_all(root_); }
  fs::path root_;
};

TEST_F(MadeStateFolder, IsForItsUserOnlyParentsIncluded) {
  ASSERT_TRUE(make_state_folder(root_ / "a" / "b"));
  for (const fs::path& each : {root_ / "a", root_ / "a" / "b"}) {
    struct stat found{};
    ASSERT_EQ(::stat(each.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777, 0700U) << each;
  }
  EXPECT_TRUE(make_state_folder(root_ / "a" / "b")) << "once more";
}

TEST_F(MadeStateFolder, IsRefusedWhereAFileStands) {
  std::ofstream(root_ / "file") << "x";
  const auto made = make_state_folder(root_ / "file");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(made.error().message.find("not a folder"), std::string::npos);
  EXPECT_FALSE(make_state_folder(root_ / "file" / "below"));
}

}  // namespace
}  // namespace sluice
