#include "telemetry/log_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "telemetry/log.h"

namespace sluice::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

class LogFileTest : public testing::Test {
 public:
  ~LogFileTest() override { std::filesystem::remove_all(folder_); }

 protected:
  LogFileTest() {
    std::string folder = (std::filesystem::temp_directory_path() / "sluice-log-XXXXXX").string();
    folder_ = mkdtemp(folder.data());
  }
  static std::string read(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  std::filesystem::path folder_;
  ManualClock clock_;
};

TEST_F(LogFileTest, AppendsToAFileAndOpensItAnewAfterItWasMoved) {
  const auto path = folder_ / "sluice.log";
  std::ofstream(path) << "before\n";
  const auto log = Log::open({.output = path.string()}, clock_);
  ASSERT_TRUE(log) << log.error().message;
  (*log)->info("a", "one");
  (*log)->flush();
  std::filesystem::rename(path, folder_ / "moved.log");
  (*log)->info("a", "two");
  (*log)->flush();
  (*log)->reopen();
  (*log)->info("a", "three");
  (*log)->flush();
  const auto moved = read(folder_ / "moved.log");
  EXPECT_TRUE(moved.starts_with("before\n"));
  EXPECT_THAT(moved, HasSubstr("two"));
  EXPECT_THAT(moved, Not(HasSubstr("three")));
  EXPECT_THAT(read(path), HasSubstr("three"));
}

TEST_F(LogFileTest, SaysWhyAFileCannotBeWritten) {
  const auto log = Log::open({.output = (folder_ / "no" / "such" / "folder.log").string()}, clock_);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(log.error().message, HasSubstr("No such file"));
}

TEST_F(LogFileTest, TheStandardStreamsHaveNames) {
  EXPECT_TRUE(open_log_sink("stderr"));
  EXPECT_TRUE(open_log_sink("stdout"));
}

TEST_F(LogFileTest, AnUnwritableSinkLosesLinesAndGoesOn) {
  const auto log = Log::open({.output = "/dev/full"}, clock_);
  ASSERT_TRUE(log);
  (*log)->info("a", "b");
  (*log)->flush();
  EXPECT_EQ((*log)->lost(), 1U);
}

TEST(DescriptorSink, ClosingDoesNotWaitForAPipeThatNobodyReads) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const ManualClock clock;
  {
    Log log({}, clock, descriptor_sink(ends[1]));
    const std::string filler(1000, 'x');
    for (int i = 0; i < 500; ++i) log.info("a", "b", {{"filler", filler}});
  }  // ends although the pipe is full
  close(ends[0]);
  close(ends[1]);
}

TEST(DescriptorSink, WritesALongTextToAPipeWhole) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  std::string text(300'000, 'x');
  text.back() = '\n';
  std::string read_back;
  std::thread reader([&] {
    std::array<char, 8192> buffer{};
    for (ssize_t n = 0; (n = read(ends[0], buffer.data(), buffer.size())) > 0;) {
      read_back.append(buffer.data(), static_cast<std::size_t>(n));
    }
  });
  const std::atomic<bool> closing{false};
  EXPECT_TRUE(descriptor_sink(ends[1])->write(text, closing));
  close(ends[1]);
  reader.join();
  EXPECT_EQ(read_back, text);
  close(ends[0]);
}

}  // namespace
}  // namespace sluice::telemetry
