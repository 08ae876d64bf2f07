// Members that answer later: side by side, until one deadline.
#include "gateway/ensemble_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing_ensemble.h"

namespace sluice::gateway {
namespace {

using namespace gateway::testing;
using ::testing::ElementsAre;

TEST(EnsembleRun, StartsThoseElsewhereBeforeThoseInline) {
  EnsembleBench bench({kInline, kRemote, kPooled});
  bench[0].answer = [&](const InferRequest&) {
    EXPECT_EQ(bench[1].starts, 1);
    EXPECT_EQ(bench[2].starts, 1);
    return good();
  };
  EXPECT_TRUE(bench.start());
  EXPECT_EQ(bench[0].starts, 1);
  EXPECT_FALSE(bench.sink.done());
  bench[2].reply(good());
  bench[1].reply(good());
  EXPECT_THAT(bench.output_names(), ElementsAre("a.y", "b.y", "c.y"));
  EXPECT_EQ(bench.home.pending_timers(), 0U);
}

TEST(EnsembleRun, PoolsInlineMembersWhoseSumIsOverTheBound) {
  constexpr Placement kMore{Placement::Where::kInline, kInlineBound / 2 + kUs};
  EnsembleBench bench({kMore, kMore});
  bench.start();
  EXPECT_FALSE(bench[0].pending.at(0)->call.may_run_inline);
  EXPECT_FALSE(bench[1].pending.at(0)->call.may_run_inline);
  bench[0].reply(good());
  bench[1].reply(good());
  EXPECT_EQ(bench.missing(), "");
}

TEST(EnsembleRun, AnswersAtTheDeadlineWithWhatHasCome) {
  EnsembleBench bench({kRemote, kRemote}, {.deadline = 50 * kMs});
  bench.start();
  bench[0].reply(good());
  bench.home.advance(50 * kMs - kUs);
  EXPECT_FALSE(bench.sink.done());
  bench.home.advance(kUs);
  EXPECT_THAT(bench.output_names(), ElementsAre("a.y"));
  EXPECT_EQ(bench.missing(), "b:timeout");
  EXPECT_TRUE(bench[1].pending.at(0)->cancelled) << "nobody waits for it any more";
}

TEST(EnsembleRun, TimesOutWhenNobodyAnswersInTime) {
  EnsembleBench bench({kRemote, kRemote}, {.deadline = 50 * kMs});
  bench.start();
  bench.home.advance(50 * kMs);
  EXPECT_EQ(bench.sink.code(), ErrorCode::kTimeout);
}

TEST(EnsembleRun, TakesTheDeadlineThatTheCallerAsksForElseTheEarlierOfTheCallsAndItsOwn) {
  struct Case {
    Duration given;
    bool asked;
    Duration expected;
  };
  for (const auto& [given, asked, expected] :
       {Case{20 * kMs, false, 20 * kMs}, Case{90 * kMs, false, 50 * kMs},
        Case{20 * kMs, true, 20 * kMs}, Case{90 * kMs, true, 90 * kMs}}) {
    EnsembleBench bench({kRemote}, {.deadline = 50 * kMs});
    const Deadline deadline = Deadline::after(bench.home.now(), given);
    const TimePoint end = bench.home.now() + expected;
    bench.start({.deadline = deadline, .deadline_asked = asked});
    EXPECT_EQ(bench[0].pending.at(0)->call.deadline.at(), end);
    bench.home.advance(expected);
    EXPECT_TRUE(bench.sink.done());
  }
}

TEST(EnsembleRun, StartsNobodyAfterTheDeadline) {
  EnsembleBench bench({kRemote, kPooled, kInline});
  bench.start({.deadline = Deadline(bench.home.now())});
  EXPECT_EQ(bench.sink.code(), ErrorCode::kTimeout);
  for (const auto& fake : bench.fakes) EXPECT_EQ(fake->starts, 0);
}

TEST(EnsembleRun, TellsItsMembersWhoseCallItIsAlsoAfterTheCallerHasItsAnswer) {
  EnsembleBench bench({kRemote}, {.deadline = kMs});
  bench[0].reports_within_cancel = false;
  {
    const std::string id = "a-request-id-that-is-long-enough-to-be-on-the-heap";
    bench.start({.service_class = ServiceClass::kBestEffort,
                 .depth = 2,
                 .tenant = "t",
                 .request_id = id,
                 .traceparent = "00-1",
                 .tracestate = "s=1"});
    bench.home.advance(kMs);
  }
  const Call& call = bench[0].pending.at(0)->call;
  EXPECT_EQ(call.request_id, "a-request-id-that-is-long-enough-to-be-on-the-heap");
  EXPECT_EQ(call.tenant, "t");
  EXPECT_EQ(call.traceparent, "00-1");
  EXPECT_EQ(call.tracestate, "s=1");
  EXPECT_EQ(call.service_class, ServiceClass::kBestEffort);
  EXPECT_EQ(call.depth, 3);
  EXPECT_EQ(call.times, nullptr) << "the caller's times belong to the ensemble";
  bench[0].reply(good());
}

TEST(EnsembleRun, ForgetsMembersThatReportAfterTheAnswer) {
  EnsembleBench bench({kRemote, kRemote}, {.deadline = kMs});
  bench[0].reports_within_cancel = bench[1].reports_within_cancel = false;
  auto request = input_x();
  const std::weak_ptr<const Request> alive = request;
  bench.start({}, std::move(request));
  bench[0].reply(good());
  bench.home.advance(kMs);
  ASSERT_EQ(bench.sink.results.size(), 1U);
  bench[1].reply(good());
  EXPECT_EQ(bench.sink.results.size(), 1U);
  EXPECT_EQ(bench.missing(), "b:timeout");
  EXPECT_TRUE(alive.expired()) << "nothing of the call is kept";
}

TEST(EnsembleRun, StopsItsMembersWhenTheCallerGoesAway) {
  EnsembleBench bench({kRemote, kRemote});
  CancelHandle handle = bench.start();
  bench[0].reply(good());
  handle.cancel();
  EXPECT_EQ(bench.sink.code(), ErrorCode::kCancelled);
  EXPECT_TRUE(bench[1].pending.at(0)->cancelled);
  EXPECT_EQ(bench.sink.results.size(), 1U);
  EXPECT_EQ(bench.home.pending_timers(), 0U);
}

TEST(EnsembleRun, OutlivesItsPlaceInTheRegistry) {
  EnsembleBench bench({kRemote});
  bench.start();
  bench.ensemble = nullptr;
  bench[0].reply(good());
  EXPECT_THAT(bench.output_names(), ElementsAre("a.y"));
}

TEST(EnsembleRun, NotesWhenItBeganAndWhenTheLastMemberWasDone) {
  EnsembleBench bench({kRemote});
  CallTimes times;
  const TimePoint began = bench.home.now();
  bench.start({.times = &times});
  bench.home.advance(3 * kMs);
  bench[0].reply(good());
  EXPECT_EQ(times.started, began);
  EXPECT_EQ(times.ran, began + 3 * kMs);
}

TEST(EnsembleRun, TakesAnswersThatComeBeforeStartReturns) {
  EnsembleBench bench({kRemote});
  bench.make({{"a", std::make_shared<UnavailableCallable>("a", "down")}, {"b", bench.fakes[0]}},
             {});
  bench.start();
  EXPECT_FALSE(bench.sink.done());
  bench[0].reply(good());
  EXPECT_EQ(bench.missing(), "a:unavailable");
}

TEST(EnsembleRun, CancelsThroughNestedEnsemblesAtTheOuterDeadline) {
  EnsembleBench inner({kRemote, kRemote});
  EnsembleBench outer({kRemote});
  outer.make({{"in", inner.ensemble}, {"a", outer.fakes[0]}}, {.deadline = 5 * kMs});
  outer.start();
  EXPECT_EQ(inner[0].pending.at(0)->call.depth, 2);
  EXPECT_EQ(inner[0].pending.at(0)->call.deadline, outer[0].pending.at(0)->call.deadline);
  inner[0].reply(good());
  outer[0].reply(good());
  outer.home.advance(5 * kMs);
  EXPECT_TRUE(inner[1].pending.at(0)->cancelled);
  ASSERT_EQ(outer.sink.results.size(), 1U);
  EXPECT_EQ(outer.output_names().back(), "a.y");
  EXPECT_EQ(outer.home.pending_timers(), 0U);
}

}  // namespace
}  // namespace sluice::gateway
