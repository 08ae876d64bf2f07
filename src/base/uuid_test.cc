#include "base/uuid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/random.h"

namespace sluice {
namespace {

class SeededBytes final : public RandomBytes {
 public:
  void fill(std::span<std::uint8_t> bytes) override {
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random_.next());
  }

 private:
  Random random_{7};
};

TEST(Uuid, CarriesVersionVariantAndTheMillisecond) {
  const ManualClock clock;  // 1,700,000,000 s
  SeededBytes random;
  UuidSource source(clock, random);
  const Uuid uuid = source.next();
  EXPECT_EQ(uuid.bytes[6] >> 4, 7);
  EXPECT_EQ(uuid.bytes[8] >> 6, 2);
  EXPECT_TRUE(to_string(uuid).starts_with("018bcfe5-6800-7")) << to_string(uuid);
}

TEST(Uuid, AscendsWithinAMillisecondAndWhenTheClockStepsBack) {
  ManualClock clock;
  SeededBytes random;
  UuidSource source(clock, random);
  Uuid last = source.next();
  for (int i = 0; i < 10'000; ++i) {
    if (i % 1000 == 0) clock.advance(std::chrono::milliseconds(i % 3000 == 0 ? -50 : 7));
    const Uuid next = source.next();
    ASSERT_LT(last, next) << i;
    last = next;
  }
}

TEST(Uuid, ReadsBackWhatItWritesAndNothingElse) {
  const ManualClock clock;
  SystemRandom random;
  UuidSource source(clock, random);
  const Uuid uuid = source.next();
  EXPECT_EQ(parse_uuid(to_string(uuid)), uuid);
  for (const char* text :
       {"", "a1b2c3", "018bcfe56800700080000000000000000000", "018bcfe5-6800-7000-8000-00000000000",
        "018bcfe5-6800-7000-8000-00000000000g", "018bcfe5-6800-7000-8000-0000000000000",
        "018bcfe5+6800-7000-8000-000000000000"}) {
    EXPECT_FALSE(parse_uuid(text)) << text;
  }
}

TEST(Uuid, NeverGivesTheSameRandomBitsTwice) {
  const ManualClock clock;
  SystemRandom random;
  std::vector<Uuid> tails;
  for (int i = 0; i < 1000; ++i) {
    Uuid tail;
    random.fill(std::span(tail.bytes).subspan(8));
    tails.push_back(tail);
  }
  std::ranges::sort(tails);
  EXPECT_EQ(std::ranges::adjacent_find(tails), tails.end());
}

}  // namespace
}  // namespace sluice
