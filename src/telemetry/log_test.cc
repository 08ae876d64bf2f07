#include "telemetry/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "telemetry/access_log.h"
#include "telemetry/log_queue.h"

namespace sluice::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

// What was written, kept outside of the sink so that it survives the log. A closed gate holds the
// writer, as a slow disk would.
struct Written {
  std::mutex mutex;
  std::condition_variable changed;
  std::string text;
  bool gate_open = true;
  bool holding = false;

  void open_gate(bool open) {
    const std::lock_guard lock(mutex);
    gate_open = open;
    changed.notify_all();
  }
  void wait_until_held() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return holding; });
  }
  std::string read() {
    const std::lock_guard lock(mutex);
    return text;
  }
};

class MemorySink final : public LogSink {
 public:
  explicit MemorySink(Written& written, bool terminal = false)
      : written_(written), terminal_(terminal) {}
  bool write(std::string_view lines, const std::atomic<bool>&) override {
    std::unique_lock lock(written_.mutex);
    written_.holding = true;
    written_.changed.notify_all();
    written_.changed.wait(lock, [&] { return written_.gate_open; });
    written_.holding = false;
    written_.text += lines;
    return true;
  }
  [[nodiscard]] bool is_terminal() const override { return terminal_; }

 private:
  Written& written_;
  bool terminal_;
};

class LogTest : public testing::Test {
 protected:
  std::unique_ptr<Log> make(const LogOptions& options = {}, bool terminal = false) {
    return std::make_unique<Log>(options, clock_, std::make_unique<MemorySink>(written_, terminal));
  }
  std::vector<std::string> lines() {
    std::istringstream text(written_.read());
    std::vector<std::string> all;
    for (std::string line; std::getline(text, line);) all.push_back(line);
    return all;
  }

  ManualClock clock_;
  Written written_;
};

TEST_F(LogTest, WritesALineOfJson) {
  const auto log = make();
  log->info("http", "listening", {{"port", 8080}});
  log->flush();
  EXPECT_EQ(written_.read(),
            R"({"timestamp":"2023-11-14T22:13:20.000Z","level":"INFO","component":"http",)"
            R"("action":"listening","port":8080})"
            "\n");
}

TEST_F(LogTest, WritesTextWhereATerminalReads) {
  const auto log = make({}, true);
  log->error("http", "bind_failed", {{"port", 80}});
  log->flush();
  EXPECT_EQ(written_.read(), "22:13:20.000 ERROR http bind_failed port=80\n");
}

TEST_F(LogTest, TheFormatCanBeChosenAgainstTheTerminal) {
  auto log = make({.format = LogFormat::kJson}, true);
  log->info("a", "b");
  log.reset();
  EXPECT_THAT(written_.read(), HasSubstr(R"("component":"a")"));
  log = make({.format = LogFormat::kText});
  log->info("a", "c");
  log->flush();
  EXPECT_THAT(written_.read(), HasSubstr("INFO  a c\n"));
}

TEST_F(LogTest, LeavesOutWhatIsBelowItsLevel) {
  const auto log = make({.level = LogLevel::kWarn});
  log->debug("a", "one");
  log->info("a", "two");
  log->warn("a", "three");
  log->set_level(LogLevel::kDebug);
  log->debug("a", "four");
  log->set_level(LogLevel::kOff);
  log->error("a", "five");
  log->flush();
  ASSERT_EQ(lines().size(), 2U);
  EXPECT_THAT(lines()[0], HasSubstr("three"));
  EXPECT_THAT(lines()[1], HasSubstr("four"));
}

TEST_F(LogTest, WritesWhatIsQueuedBeforeItEnds) {
  auto log = make();
  for (int i = 0; i < 100; ++i) log->info("a", "b", {{"i", i}});
  log.reset();
  EXPECT_EQ(lines().size(), 100U);
}

TEST_F(LogTest, ASlowSinkCostsTheOldestLinesAndNobodysTime) {
  written_.open_gate(false);
  const auto log = make({.queue_bytes = 2 * LogQueue::kBlockBytes});
  log->error("a", "first");
  written_.wait_until_held();
  // Far more than the queue holds; were a push to wait, this would never end.
  const std::string filler(1000, 'x');
  constexpr int kLines = 1000;
  for (int i = 0; i < kLines; ++i) log->info("a", "b", {{"i", i}, {"filler", filler}});
  EXPECT_GT(log->lost(), 0U);
  EXPECT_LT(log->lost(), std::uint64_t{kLines});
  const auto lost = log->lost();
  written_.open_gate(true);
  log->flush();
  const auto all = lines();
  EXPECT_EQ(all.size(), 1 + 1 + kLines - lost);
  EXPECT_THAT(all[0], HasSubstr("first"));
  EXPECT_THAT(all[1], HasSubstr(R"("level":"WARN","component":"log","action":"lines_lost")"));
  EXPECT_THAT(all[1], HasSubstr("\"lines\":" + std::to_string(lost) + "}"));
  EXPECT_THAT(all[2], HasSubstr("\"i\":" + std::to_string(lost) + ","));  // the oldest went
  EXPECT_THAT(all.back(), HasSubstr("\"i\":999,"));
}

TEST_F(LogTest, LinesOfManyThreadsNeverMix) {
  const auto log = make({.queue_bytes = std::size_t{64} * 1024 * 1024});
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) log->info("a", "b", {{"t", t}, {"i", i}});
    });
  }
  for (auto& thread : threads) thread.join();
  log->flush();
  const auto all = lines();
  EXPECT_EQ(all.size(), 8000U);
  for (const auto& line : all) {
    ASSERT_TRUE(line.starts_with("{\"timestamp\"") && line.ends_with("}")) << line;
  }
  EXPECT_EQ(log->lost(), 0U);
}

TEST_F(LogTest, AnAccessLineHasEverythingThatIsKnown) {
  const auto log = make();
  log_access(*log, {.request_id = "r-1",
                    .trace = {0x0af7651916cd43dd, 0x8448eb211c80319c},
                    .client = "127.0.0.1",
                    .method = "POST",
                    .path = "/predict",
                    .api = "horizontal",
                    .callable = "setosa",
                    .status = 504,
                    .error = ErrorCode::kTimeout,
                    .took = std::chrono::microseconds(1500),
                    .bytes_in = 30,
                    .bytes_out = 12});
  log->flush();
  EXPECT_THAT(
      written_.read(),
      HasSubstr(
          R"("component":"http","action":"request","request_id":"r-1",)"
          R"("trace_id":"0af7651916cd43dd8448eb211c80319c","client":"127.0.0.1","method":"POST",)"
          R"("path":"/predict","api":"horizontal","callable":"setosa","status":504,)"
          R"("code":"timeout","duration_ms":1.5,"outcome":"timeout","bytes_in":30,)"
          R"("bytes_out":12})"));
}

TEST_F(LogTest, AnAccessLineLeavesOutWhatIsNotKnown) {
  const auto log = make();
  log_access(*log, {.method = "GET", .path = "/health", .status = 200});
  log->flush();
  EXPECT_THAT(written_.read(), HasSubstr(R"("action":"request","method":"GET","path":"/health",)"));
  EXPECT_THAT(written_.read(), HasSubstr(R"("code":"ok","duration_ms":0,"outcome":"ok")"));
  EXPECT_THAT(written_.read(), Not(HasSubstr("trace_id")));
}

TEST_F(LogTest, AccessLinesCanBeTurnedOff) {
  const auto log = make({.access = false});
  EXPECT_FALSE(log->access_enabled());
  log_access(*log, {.method = "GET"});
  log->set_access(true);
  log_access(*log, {.method = "PUT"});
  log->set_level(LogLevel::kWarn);
  EXPECT_FALSE(log->access_enabled());
  log->flush();
  ASSERT_EQ(lines().size(), 1U);
  EXPECT_THAT(lines()[0], HasSubstr("PUT"));
}

TEST(AccessLog, TellsInOneWordHowARequestEnded) {
  EXPECT_EQ(outcome_of(std::nullopt), "ok");
  EXPECT_EQ(outcome_of(ErrorCode::kInvalid), "refused");
  EXPECT_EQ(outcome_of(ErrorCode::kExhausted), "refused");
  EXPECT_EQ(outcome_of(ErrorCode::kCancelled), "cancelled");
  EXPECT_EQ(outcome_of(ErrorCode::kTimeout), "timeout");
  EXPECT_EQ(outcome_of(ErrorCode::kUnavailable), "failed");
  EXPECT_EQ(outcome_of(ErrorCode::kInternal), "failed");
}

}  // namespace
}  // namespace sluice::telemetry
