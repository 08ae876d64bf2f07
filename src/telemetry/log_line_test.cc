#include "telemetry/log_line.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace sluice::telemetry {
namespace {

using namespace std::chrono_literals;

const WallTime kAt{1763046000s + 5ms};

std::string json(std::span<const LogField> fields, LogLevel level = LogLevel::kInfo) {
  std::string out;
  append_json_line(out, {kAt, level, "worker", "prediction_completed", fields});
  return out;
}

TEST(LogLine, IsOneJsonObjectWithTimeLevelComponentAndActionFirst) {
  const std::string result = "setosa";
  const std::array<LogField, 3> fields{
      {{"job_id", "a1b2c3"}, {"duration_ms", 125}, {"result", result}}};
  EXPECT_EQ(json(fields),
            R"({"timestamp":"2025-11-13T15:00:00.005Z","level":"INFO","component":"worker",)"
            R"("action":"prediction_completed","job_id":"a1b2c3","duration_ms":125,)"
            R"("result":"setosa"})"
            "\n");
}

TEST(LogLine, KeepsTheTypesOfFields) {
  const std::array<LogField, 7> fields{{{"i", -1},
                                        {"u", std::uint64_t{18446744073709551615U}},
                                        {"d", 0.5},
                                        {"f", 0.25F},
                                        {"b", true},
                                        {"s", std::string_view("1")},
                                        {"took_ms", Duration(1'234'567ns)}}};
  EXPECT_TRUE(json(fields).ends_with(
      R"("i":-1,"u":18446744073709551615,"d":0.5,"f":0.25,"b":true,"s":"1","took_ms":1.235})"
      "\n"));
}

TEST(LogLine, StaysOneLineWhateverItsFieldsHold) {
  const std::array<LogField, 1> fields{{{"k\n", "v\n\"}\xFF"}}};
  const std::string line = json(fields);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_TRUE(line.ends_with("\"k\\n\":\"v\\n\\\"}\xEF\xBF\xBD\"}\n")) << line;
}

TEST(LogLine, LeavesOutFieldsWithoutAKey) {
  const std::array<LogField, 2> fields{{{"", "what"}, {"i", 1}}};
  EXPECT_TRUE(json(fields).ends_with(R"("action":"prediction_completed","i":1})"
                                     "\n"));
  std::string out;
  append_text_line(out, {kAt, LogLevel::kInfo, "a", "b", fields});
  EXPECT_TRUE(out.ends_with(" a b i=1\n")) << out;
}

TEST(LogLine, CutsAVeryLongText) {
  const std::string text(kMaxLogTextBytes + 100, 'x');
  const std::array<LogField, 1> fields{{{"text", text}}};
  EXPECT_LT(json(fields).size(), kMaxLogTextBytes + 200);
}

TEST(LogLine, ReadsEasilyOnATerminal) {
  const std::array<LogField, 3> fields{{{"port", 8080}, {"why", "two words"}, {"on", false}}};
  std::string out;
  append_text_line(out, {kAt, LogLevel::kWarn, "http", "listening", fields});
  EXPECT_EQ(out, "15:00:00.005 WARN  http listening port=8080 why=\"two words\" on=false\n");
}

TEST(LogLevel, IsReadAndNamed) {
  for (const auto* name : {"trace", "debug", "info", "warn", "error", "off"}) {
    ASSERT_TRUE(parse_log_level(name)) << name;
    std::string upper(to_string(*parse_log_level(name)));
    for (char& c : upper) c = static_cast<char>(std::tolower(c));
    EXPECT_EQ(upper, name);
  }
  EXPECT_EQ(parse_log_level("warning"), LogLevel::kWarn);
  EXPECT_FALSE(parse_log_level("loud"));
  EXPECT_EQ(parse_log_format("auto"), LogFormat::kAuto);
  EXPECT_EQ(parse_log_format("json"), LogFormat::kJson);
  EXPECT_EQ(parse_log_format("text"), LogFormat::kText);
  EXPECT_FALSE(parse_log_format("xml"));
}

}  // namespace
}  // namespace sluice::telemetry
