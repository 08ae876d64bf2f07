#include "access/quota.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "access/key_record.h"
#include "access/quota_file.h"
#include "base/file.h"

namespace sluice::access {
namespace {

WallTime at(std::string_view text) {
  return parse_time(text).value();
}

TEST(Quota, IsReadAndWritten) {
  EXPECT_EQ(parse_quota("10000/day").value(), (Quota{10'000, Period::kDay}));
  EXPECT_EQ(parse_quota("1/month").value(), (Quota{1, Period::kMonth}));
  EXPECT_EQ(to_string(Quota{5, Period::kDay}), "5/day");
  EXPECT_EQ(to_string(Quota{5, Period::kMonth}), "5/month");
  for (const char* wrong :
       {"", "5", "5/", "/day", "0/day", "5/year", "5/day ", "-5/day", "2000000000000/day"}) {
    EXPECT_FALSE(parse_quota(wrong)) << wrong;
  }
}

TEST(Period, IsOneOfTheCalendarInUtc) {
  struct Case {
    Period period;
    std::string now, name, begins, ends;
  };
  for (const Case& c : std::vector<Case>{
           {Period::kDay, "2026-11-26T23:59:59Z", "2026-11-26", "2026-11-26", "2026-11-27"},
           {Period::kDay, "2026-12-31T00:00:00Z", "2026-12-31", "2026-12-31", "2027-01-01"},
           {Period::kMonth, "2026-12-31T23:59:59Z", "2026-12", "2026-12-01", "2027-01-01"},
           {Period::kMonth, "2028-02-29T12:00:00Z", "2028-02", "2028-02-01", "2028-03-01"}}) {
    const PeriodNumber period = period_at(c.period, at(c.now));
    EXPECT_EQ(to_string(period), c.name);
    EXPECT_EQ(begin_of(period), at(c.begins));
    EXPECT_EQ(end_of(period), at(c.ends));
    EXPECT_EQ(parse_period(c.name), period);
  }
  for (const char* wrong : {"", "2026", "2026-13", "2026-02-30", "2026/11", "2026-11-2", "1969-01",
                            "2026-1a", "2026-11-26T"}) {
    EXPECT_FALSE(parse_period(wrong)) << wrong;
  }
}

TEST(QuotaCounter, GivesSoManyInAPeriodAndThenInTheNext) {
  QuotaCounter counter;
  const Quota quota{2, Period::kDay};
  const WallTime monday = at("2026-11-23T10:00:00Z");
  EXPECT_TRUE(counter.spend(quota, monday).granted);
  EXPECT_TRUE(counter.spend(quota, monday).granted);
  const auto refused = counter.spend(quota, monday);
  EXPECT_FALSE(refused.granted);
  EXPECT_EQ(refused.used.count, 2U);
  EXPECT_EQ(to_string(refused.used.period), "2026-11-23");
  const auto next = counter.spend(quota, monday + std::chrono::days(1));
  EXPECT_TRUE(next.granted);
  EXPECT_EQ(next.used.count, 1U);
  EXPECT_TRUE(counter.spend(quota, monday).granted) << "a clock set back stays in the day begun";
  EXPECT_FALSE(counter.spend(quota, monday).granted);
}

TEST(QuotaCounter, StartsAnewWhenThePeriodIsOfAnotherKind) {
  QuotaCounter counter;
  const WallTime now = at("2026-11-23T10:00:00Z");
  EXPECT_TRUE(counter.spend({1, Period::kDay}, now).granted);
  EXPECT_TRUE(counter.spend({1, Period::kMonth}, now).granted);
  EXPECT_FALSE(counter.spend({1, Period::kMonth}, now).granted);
}

// --- the file

TEST(QuotaFile, IsReadAsItIsWritten) {
  const UsedQuotas used = {{"a", {{Period::kDay, 20'000}, 5}}, {"b", {{Period::kMonth, 680}, 7}}};
  EXPECT_EQ(parse_quota_file(quota_file_text(used), "q").value(), used);
}

TEST(QuotaFile, ThatIsDamagedIsAnErrorWithItsPlace) {
  const auto error = [](std::string_view text) {
    const auto parsed = parse_quota_file(text, "quota.json");
    return parsed ? "" : parsed.error().message;
  };
  EXPECT_TRUE(error("{").starts_with("quota.json: not JSON at byte 1"));
  EXPECT_TRUE(error("{}").starts_with("quota.json: format: expected 1"));
  EXPECT_TRUE(error(R"({"format":1})").starts_with("quota.json: used: expected"));
  EXPECT_TRUE(error(R"({"format":1,"used":{"k":{"period":"x","count":1}}})")
                  .starts_with("quota.json: used.k: expected a period"));
}

class QuotaFileTest : public testing::Test {
 protected:
  QuotaFileTest() {
    std::string made = (std::filesystem::temp_directory_path() / "quota-XXXXXX").string();
    if (::mkdtemp(made.data()) == nullptr) throw std::runtime_error("no temporary folder");
    root_ = made;
  }
  ~QuotaFileTest() override { std::filesystem::remove_all(root_); }

  struct Process {
    std::shared_ptr<QuotaCounter> counter = std::make_shared<QuotaCounter>();
    std::vector<CountedQuota> counted{{"k", Period::kDay, counter}};
  };
  void spend(const Process& process, int times) {
    for (int i = 0; i < times; ++i) process.counter->spend({1000, Period::kDay}, now_);
  }
  std::uint64_t merge(Process& process) {
    EXPECT_TRUE(QuotaFile(root_ / "state").merge(process.counted, now_));
    return process.counter->used().count;
  }

  std::filesystem::path root_;
  WallTime now_ = at("2026-11-23T10:00:00Z");
};

TEST_F(QuotaFileTest, AddsUpWhatSeveralProcessesCount) {
  Process one;
  Process other;
  spend(one, 3);
  EXPECT_EQ(merge(one), 3U);
  spend(other, 4);
  EXPECT_EQ(merge(other), 7U);
  EXPECT_EQ(merge(one), 7U);
  spend(one, 1);
  spend(other, 1);
  EXPECT_EQ(merge(one), 8U);
  EXPECT_EQ(merge(other), 9U);
  EXPECT_EQ(merge(one), 9U);
  Process restarted;
  EXPECT_EQ(merge(restarted), 9U);
}

TEST_F(QuotaFileTest, StartsAnewWithThePeriod) {
  Process one;
  spend(one, 3);
  merge(one);
  now_ += std::chrono::days(1);
  Process restarted;
  spend(restarted, 1);
  EXPECT_EQ(merge(restarted), 1U);
  spend(one, 1);
  EXPECT_EQ(merge(one), 2U);
}

TEST_F(QuotaFileTest, IsNotMadeByWhoHasNothingToSay) {
  Process one;
  EXPECT_EQ(merge(one), 0U);
  EXPECT_FALSE(std::filesystem::exists(root_ / "state"));
}

TEST_F(QuotaFileTest, ThatIsDamagedIsLeftAndNothingCountedIsLost) {
  Process one;
  spend(one, 3);
  merge(one);
  const auto file = root_ / "state" / "quota.json";
  const std::string good = read_file(file, 1000).value();
  ASSERT_TRUE(write_file(file, "damaged"));
  spend(one, 1);
  EXPECT_FALSE(QuotaFile(root_ / "state").merge(one.counted, now_));
  EXPECT_EQ(read_file(file, 1000).value(), "damaged");
  ASSERT_TRUE(write_file(file, good));
  EXPECT_EQ(merge(one), 4U);
  EXPECT_EQ(QuotaFile(root_ / "state").load().value().at("k").count, 4U);
}

}  // namespace
}  // namespace sluice::access
