#include "base/timestamp.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Timestamp, IsRfc3339InUtcToTheMillisecond) {
  const auto at = [](std::chrono::nanoseconds since_epoch) {
    std::string out;
    append_timestamp(out, WallTime(since_epoch));
    return out;
  };
  using namespace std::chrono_literals;
  EXPECT_EQ(at(0s), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(at(1763046000s + 123'999'999ns), "2025-11-13T15:00:00.123Z");
  EXPECT_EQ(at(951782399s + 999ms), "2000-02-28T23:59:59.999Z");
  EXPECT_EQ(at(951782400s), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(at(-1ms), "1969-12-31T23:59:59.999Z");
}

TEST(Timestamp, ReadsEveryFormOfTheSameMoment) {
  using namespace std::chrono_literals;
  const WallTime at{1763046000s + 120ms};
  for (const char* text : {"2025-11-13T15:00:00.12Z", "2025-11-13t15:00:00.120000000z",
                           "2025-11-13T16:30:00.12+01:30", "2025-11-13 06:00:00.12-09:00"}) {
    EXPECT_EQ(parse_timestamp(text), at) << text;
  }
  EXPECT_EQ(parse_timestamp("2016-12-31T23:59:60Z"), parse_timestamp("2016-12-31T23:59:59Z"));
}

TEST(Timestamp, RefusesWhatIsNone) {
  for (const char* text :
       {"", "2025-11-13", "2025-11-13T15:00Z", "2025-11-13T15:00:00", "2025-13-13T15:00:00Z",
        "2025-02-29T15:00:00Z", "2025-11-13T24:00:00Z", "2025-11-13T15:00:00.Z",
        "2025-11-13T15:00:00Zx", "2025-11-13T15:00:00+24:00", "9999-01-01T00:00:00Z",
        "20x5-11-13T15:00:00Z"}) {
    EXPECT_FALSE(parse_timestamp(text)) << text;
  }
}

}  // namespace
}  // namespace sluice
