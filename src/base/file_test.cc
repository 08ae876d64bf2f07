#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

namespace sluice {
namespace {

namespace fs = std::filesystem;

class File : public testing::Test {
 protected:
  File() {
    std::string made = (fs::temp_directory_path() / "file-XXXXXX").string();
    if (::mkdtemp(made.data()) == nullptr) throw std::runtime_error("no temporary folder");
    root_ = made;
  }
  ~File() override { fs::remove_all(root_); }
  fs::path root_;
};

TEST_F(File, IsReadAsItWasWritten) {
  const fs::path file = root_ / "f";
  const std::string content = std::string("a\0b\n", 4) + std::string(100'000, 'x');
  ASSERT_TRUE(write_file(file, content));
  EXPECT_EQ(read_file(file, 1 << 20).value(), content);
  ASSERT_TRUE(write_file(file, ""));
  EXPECT_EQ(read_file(file, 0).value(), "");
  struct stat found{};
  ASSERT_EQ(::stat(file.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0600U);
  EXPECT_FALSE(fs::exists(root_ / "f.new"));
}

TEST_F(File, ThatIsNotThereOrTooLongOrUnreadableIsAnErrorOfItsOwn) {
  EXPECT_EQ(read_file(root_ / "none", 10).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(write_file(root_ / "f", "12345678901"));
  EXPECT_EQ(read_file(root_ / "f", 11).value().size(), 11U);
  const auto over = read_file(root_ / "f", 10);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error(),
            (Error{ErrorCode::kTooLarge, (root_ / "f").string() + ": longer than 10 bytes"}));
  EXPECT_EQ(read_file(root_, 10).error().code, ErrorCode::kUnavailable);
}

TEST_F(File, KeepsItsContentWhenAnotherCannotBeWritten) {
  ASSERT_TRUE(write_file(root_ / "f", "old"));
  fs::create_directory(root_ / "f.new");
  const auto wrote = write_file(root_ / "f", "new");
  ASSERT_FALSE(wrote);
  EXPECT_EQ(wrote.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(read_file(root_ / "f", 10).value(), "old");
}

TEST_F(File, ReplacesWhatACrashedWriterLeftBehind) {
  std::ofstream(root_ / "f.new") << "half of somethi";
  ASSERT_TRUE(write_file(root_ / "f", "new"));
  EXPECT_EQ(read_file(root_ / "f", 10).value(), "new");
}

TEST_F(File, ShowsByItsStampThatItWasReplaced) {
  EXPECT_EQ(FileStamp::of(root_ / "f"), FileStamp{});
  ASSERT_TRUE(write_file(root_ / "f", "same"));
  const FileStamp first = FileStamp::of(root_ / "f");
  EXPECT_NE(first, FileStamp{});
  EXPECT_EQ(FileStamp::of(root_ / "f"), first);
  ASSERT_TRUE(write_file(root_ / "f", "same"));
  EXPECT_NE(FileStamp::of(root_ / "f"), first);
}

TEST_F(File, IsLockedForOneAtATime) {
  const fs::path file = root_ / "lock";
  {
    auto held = FileLock::take(file, Duration::zero());
    ASSERT_TRUE(held);
    const auto second = FileLock::take(file, Duration::zero());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
    const FileLock moved = std::move(*held);
    EXPECT_FALSE(FileLock::take(file, Duration::zero())) << "moving keeps it";
  }
  EXPECT_TRUE(FileLock::take(file, Duration::zero()));
}

TEST_F(File, IsWaitedForByWhoeverLocksItNext) {
  const fs::path file = root_ / "lock";
  std::thread other;
  {
    const auto held = FileLock::take(file, Duration::zero());
    other = std::thread(
        [&file] { EXPECT_TRUE(FileLock::take(file, std::chrono::hours(1))) << "once it is free"; });
  }
  other.join();
}

}  // namespace
}  // namespace sluice
