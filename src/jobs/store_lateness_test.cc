// What holds of every store: jobs that are late, and those that find their backend away time and
// again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/testing_store.h"

namespace sluice::jobs {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;

struct Kind {
  const char* name;
  std::unique_ptr<testing::StoreHarness> (*make)();
};

class StoreLateness : public ::testing::TestWithParam<Kind> {
 protected:
  StoreLateness() : h(GetParam().make()) {}

  std::string submit(std::optional<WallTime> deadline = std::nullopt) {
    const auto submitted =
        h->submit({.callable = "iris", .format = "test/1", .input = "{}", .deadline = deadline});
    EXPECT_TRUE(submitted) << submitted.error().message;
    return submitted ? submitted->id : std::string();
  }
  std::vector<std::string> claim_ids(std::size_t most) {
    std::vector<std::string> ids;
    for (const Claimed& one : h->claim("iris", most)) ids.push_back(one.job.id);
    return ids;
  }
  Claimed claim_one() { return h->claim("iris").at(0); }

  std::unique_ptr<testing::StoreHarness> h;
};

TEST_P(StoreLateness, LetsAJobStandAsideWhoseBackendIsAwayEachTime) {
  const std::string first = submit();
  for (std::uint32_t i = 0; i <= kOutagesAtHead; ++i) {
    const auto back = h->finish(claim_one().ticket(), Requeued{Cause::kOutage});
    ASSERT_TRUE(back);
    EXPECT_EQ(back->returns.outages, i + 1);
    EXPECT_EQ(back->not_before.has_value(), i == kOutagesAtHead);
  }
  const std::string second = submit();
  EXPECT_THAT(claim_ids(2), ElementsAre(second));
  h->pass(time_aside(kOutagesAtHead + 1, JobPolicy()));
  EXPECT_THAT(claim_ids(2), ElementsAre(first));
}

TEST_P(StoreLateness, EndsWhatIsRunWithItsDeadline) {
  const WallTime deadline = h->wall() + seconds(40);
  std::vector<std::string> ids;
  std::vector<Claimed> held;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(submit(deadline));
    held.push_back(claim_one());
  }
  h->pass(seconds(20));
  for (const Claimed& one : held) {
    EXPECT_THAT(*h->extend({one.ticket()}, seconds(30)), ElementsAre(true));
    EXPECT_LE(*h->get(one.job.id)->job.lease_until, deadline);
  }
  h->pass(seconds(21));
  EXPECT_THAT(*h->extend({held[0].ticket()}, seconds(30)), ElementsAre(false));
  EXPECT_EQ(h->finish(held[0].ticket(), Completed{"late"}).error().code, ErrorCode::kConflict);
  for (const std::string& id : ids) {
    EXPECT_EQ(h->get(id)->job.state, JobState::kFailed);
    EXPECT_EQ(h->get(id)->job.error, timed_out("its deadline passed while it was run"));
    EXPECT_EQ(h->get(id)->job.returns, Returns{});
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreLateness,
                         ::testing::Values(Kind{"sqlite", testing::make_sqlite_harness},
                                           Kind{"redis", testing::make_redis_harness},
                                           Kind{"valkey", testing::make_valkey_harness}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace sluice::jobs
