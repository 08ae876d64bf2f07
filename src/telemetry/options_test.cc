#include "telemetry/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.h"

namespace sluice::telemetry {
namespace {

using testing::HasSubstr;

TelemetryOptions read(std::string_view yaml, config::Problems& problems) {
  const auto node = config::parse(yaml, "/t.yaml", config::Surroundings::none(), problems);
  return node ? config::read<TelemetryOptions>(*node, problems) : TelemetryOptions{};
}

TEST(TelemetryOptions, AreReadFromTheConfiguration) {
  config::Problems problems;
  const auto options = read(
      "log: {level: warn, format: text, output: /var/log/sluice.log, queue: 1MiB, access: false}\n"
      "server_timing: false\n",
      problems);
  EXPECT_EQ(problems.to_string(), "");
  EXPECT_EQ(options.log.level, LogLevel::kWarn);
  EXPECT_EQ(options.log.format, LogFormat::kText);
  EXPECT_EQ(options.log.output, "/var/log/sluice.log");
  EXPECT_EQ(options.log.queue_bytes, 1024U * 1024U);
  EXPECT_FALSE(options.log.access);
  EXPECT_FALSE(options.server_timing);
}

TEST(TelemetryOptions, HaveDefaultsThatNeedNoFile) {
  config::Problems problems;
  const auto options = read("log: {}\n", problems);
  EXPECT_EQ(problems.to_string(), "");
  EXPECT_EQ(options.log.level, LogLevel::kInfo);
  EXPECT_EQ(options.log.format, LogFormat::kAuto);
  EXPECT_EQ(options.log.output, "stderr");
  EXPECT_TRUE(options.log.access);
  EXPECT_TRUE(options.server_timing);
}

TEST(TelemetryOptions, WrongOnesAreRefused) {
  config::Problems problems;
  read("log: {level: loud, queue: 1KiB, output: ''}\n", problems);
  EXPECT_THAT(problems.to_string(), HasSubstr("loud"));
  EXPECT_THAT(problems.to_string(), HasSubstr("queue"));
  EXPECT_THAT(problems.to_string(), HasSubstr("output"));
}

TEST(TelemetryOptions, TheCommandLinesWordsForLevelsAreThoseOfTheFile) {
  config::Choices<LogLevel> choices;
  describe(choices);
  for (std::size_t i = 0; i < choices.named().size(); ++i) {
    EXPECT_EQ(parse_log_level(choices.named()[i].name), choices.values()[i]);
  }
}

}  // namespace
}  // namespace sluice::telemetry
