#include "config/units.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "config/type.h"

namespace sluice::config {
namespace {

using namespace std::chrono_literals;

TEST(Units, ReadsDurations) {
  const std::pair<std::string_view, Duration> cases[] = {
      {"0", 0s},        {"0s", 0s},
      {"7ns", 7ns},     {"250ms", 250ms},
      {"1s", 1s},       {"1.5s", 1500ms},
      {"5m", 5min},     {"24h", 24h},
      {"7d", 168h},     {"0.5h", 30min},
      {"3us", 3us},     {"1.000000001s", 1000000001ns},
      {"0.1ms", 100us}, {"106751d", 106751 * 24h},
  };
  for (const auto& [text, value] : cases) {
    const auto read = parse_duration(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, value) << text;
  }
}

TEST(Units, RefusesWhatIsNoDuration) {
  for (const std::string_view text : {"",
                                      "5",
                                      "s",
                                      "-1s",
                                      "+1s",
                                      "1 s",
                                      "1S",
                                      "1x",
                                      "1.s",
                                      ".5s",
                                      "1.5",
                                      "1s1",
                                      "1m30s",
                                      "1e3s",
                                      "0.5ns",
                                      "1.0000000001s",
                                      "106752d",
                                      "99999999999999999999s",
                                      "18446744073709551615ns",
                                      "nan",
                                      "0x1s",
                                      "1,5s"}) {
    const auto read = parse_duration(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::kInvalid);
    EXPECT_FALSE(read.error().message.empty());
  }
}

TEST(Units, PrintsDurationsInTheLargestExactUnitAndReadsThemBack) {
  const std::pair<Duration, std::string_view> cases[] = {
      {0s, "0s"},   {1ns, "1ns"},  {1500ns, "1500ns"}, {250ms, "250ms"}, {75s, "75s"}, {60s, "1m"},
      {90s, "90s"}, {60min, "1h"}, {24h, "24h"},       {48h, "2d"},      {25h, "25h"}, {-1s, "0s"},
  };
  for (const auto& [value, text] : cases) {
    EXPECT_EQ(format_duration(value), text);
    EXPECT_EQ(parse_duration(text), std::max<Duration>(value, 0s)) << text;
  }
}

TEST(Units, ReadsNumbersOfBytes) {
  const std::pair<std::string_view, std::uint64_t> cases[] = {
      {"0", 0},
      {"4096", 4096},
      {"512B", 512},
      {"8KiB", 8192},
      {"10MiB", 10485760},
      {"1GiB", 1ULL << 30},
      {"2TiB", 2ULL << 40},
      {"1.5KiB", 1536},
      {"0.5MiB", 524288},
      {"9223372036854775807", 9223372036854775807ULL},
  };
  for (const auto& [text, value] : cases) {
    const auto read = parse_bytes(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, value) << text;
  }
}

TEST(Units, RefusesWhatIsNoNumberOfBytes) {
  for (const std::string_view text :
       {"", "KiB", "-1", "8KB", "8K", "8kib", "8 KiB", "1.5", "0.3KiB", "9223372036854775808",
        "8388608TiB", "1e6", "0x10"}) {
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
}

TEST(Units, PrintsBytesInTheLargestExactUnitAndReadsThemBack) {
  const std::pair<std::uint64_t, std::string_view> cases[] = {
      {0, "0B"},       {1, "1B"},           {1023, "1023B"},      {1024, "1KiB"},
      {1536, "1536B"}, {10 << 20, "10MiB"}, {1ULL << 40, "1TiB"},
  };
  for (const auto& [value, text] : cases) {
    EXPECT_EQ(format_bytes(value), text);
    EXPECT_EQ(parse_bytes(text), value) << text;
  }
}

TEST(Numbers, PrintAsPeopleWriteThem) {
  const std::pair<double, std::string_view> cases[] = {
      {0, "0"},           {0.5, "0.5"},      {1e6, "1000000"}, {-3, "-3"},
      {0.0001, "0.0001"}, {1e300, "1e+300"}, {1e-7, "1e-07"},
  };
  for (const auto& [value, text] : cases) EXPECT_EQ(format_number(value), text);
}

}  // namespace
}  // namespace sluice::config
