// What an ensemble is, and its members one after the other on the caller's thread.
#include "gateway/ensemble.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing_ensemble.h"

namespace sluice::gateway {
namespace {

using namespace gateway::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

RequestPtr wanting(std::vector<std::string> outputs) {
  InferRequest request = std::get<InferRequest>(*input_x());
  request.outputs = std::move(outputs);
  return make_request(std::move(request));
}

TEST(Ensemble, DescribesTheUnionOfItsMembers) {
  EnsembleBench bench({kInline, kInline}, {.merge = {.rule = MergeRule::kBestLabel}});
  bench[0].description.inputs = {{"x", DataType::kFp32, {-1, -1}}};
  bench[1].description.inputs = {{"x", DataType::kFp32, {-1, 4}}, {"z", DataType::kInt64, {1}}};
  bench.make({{"a", bench.fakes[0]}, {"b", bench.fakes[1]}}, bench.ensemble->options());
  const Description& d = bench.ensemble->describe();
  EXPECT_EQ(d.kind, CallableKind::kEnsemble);
  EXPECT_THAT(d.members, ElementsAre("a", "b"));
  ASSERT_EQ(d.inputs.size(), 2U);
  EXPECT_EQ(d.inputs[0].shape, (Shape{-1, 4}));
  std::vector<std::string> outputs;
  for (const TensorInfo& info : d.outputs) outputs.push_back(info.name);
  EXPECT_THAT(outputs, ElementsAre("a.y", "b.y", "label", "proba"));
  EXPECT_EQ(std::get<std::string>(d.properties.at("merge")), "best_label");
}

TEST(Ensemble, IsPlacedWhereItsFarthestMemberIs) {
  const auto where = [](const std::vector<Placement>& placed) {
    return EnsembleBench(placed).ensemble->placement(*input_x()).where;
  };
  constexpr Placement kHalf{Placement::Where::kInline, kInlineBound / 2};
  constexpr Placement kMore{Placement::Where::kInline, kInlineBound / 2 + kUs};
  EXPECT_EQ(where({kInline, kInline}), Placement::Where::kInline);
  EXPECT_EQ(where({kHalf, kHalf}), Placement::Where::kInline);
  EXPECT_EQ(where({kHalf, kMore}), Placement::Where::kPooled) << "their sum is over the bound";
  EXPECT_EQ(where({kInline, kPooled}), Placement::Where::kPooled);
  EXPECT_EQ(where({kRemote, kPooled}), Placement::Where::kRemote);
}

TEST(Ensemble, PromisesNothingInlineWhenMembersGetPartsOfTheRequest) {
  EnsembleBench bench({kInline, kInline});
  bench[1].description.inputs = {{"z", DataType::kFp32, {-1, 2}}};
  bench.make({{"a", bench.fakes[0]}, {"b", bench.fakes[1]}}, {});
  EXPECT_EQ(bench.ensemble->placement(*input_x()).where, Placement::Where::kPooled);
}

TEST(Ensemble, IsReadyAsLongAsTheQuorumCanBeReached) {
  EnsembleBench bench({kInline, kInline, kInline}, {.quorum = 2});
  bench[0].readiness = fail(unavailable("down"));
  EXPECT_TRUE(bench.ensemble->ready());
  bench[1].readiness = fail(unavailable("down"));
  EXPECT_EQ(bench.ensemble->ready().error(),
            unavailable("1 of 3 members of 'all' are up; 2 are needed"));
}

TEST(InlineEnsemble, AnswersBeforeStartReturnsWithNothingToCancel) {
  EnsembleBench bench({kInline, kInline});
  CallTimes times;
  EXPECT_FALSE(bench.start({.times = &times}));
  EXPECT_THAT(bench.output_names(), ElementsAre("a.y", "b.y"));
  EXPECT_EQ(bench.missing(), "");
  EXPECT_EQ(bench.home.pending_timers(), 0U);
  EXPECT_EQ(times.started, bench.clock.now());
  EXPECT_EQ(times.ran, bench.clock.now());
}

TEST(InlineEnsemble, HandsTheVerySameRequestOnWithoutACopy) {
  EnsembleBench bench({kInline, kInline});
  const RequestPtr request = input_x();
  bench.start({}, request);
  EXPECT_EQ(bench[0].seen.at(0), request);
  EXPECT_EQ(bench[1].seen.at(0), request);
}

TEST(InlineEnsemble, LooksAtTheDeadlineBetweenItsMembers) {
  EnsembleBench bench({kInline, kInline, kInline}, {.deadline = 5 * kMs});
  bench[1].answer = [&](const InferRequest&) {
    bench.clock.taken += 5 * kMs;
    return good();
  };
  bench.start();
  EXPECT_THAT(bench.output_names(), ElementsAre("a.y", "b.y"));
  EXPECT_EQ(bench.missing(), "c:timeout");
  EXPECT_EQ(bench[2].starts, 0);
}

TEST(InlineEnsemble, StartsNobodyAfterTheDeadline) {
  EnsembleBench bench({kInline, kInline});
  bench.start({.deadline = Deadline(bench.home.now())});
  EXPECT_EQ(bench.sink.code(), ErrorCode::kTimeout);
  EXPECT_EQ(bench[0].starts + bench[1].starts, 0);
}

TEST(InlineEnsemble, IsPooledWhenTheCallMustNotRunInline) {
  EnsembleBench bench({kInline, kInline});
  bench.start({.may_run_inline = false});
  EXPECT_FALSE(bench.sink.done());
  EXPECT_FALSE(bench[0].pending.at(0)->call.may_run_inline);
  bench[0].reply(good());
  bench[1].reply(good());
  EXPECT_THAT(bench.output_names(), ElementsAre("a.y", "b.y"));
}

TEST(Ensemble, LetsAFailedMemberCostItsOwnEntryOnly) {
  EnsembleBench bench({kInline, kInline}, {.merge = {.rule = MergeRule::kBestLabel}});
  bench[0].answer = [](const InferRequest&) { return fail(unavailable("no replica is up")); };
  bench.start();
  EXPECT_THAT(bench.output_names(), ElementsAre("b.y", "label", "proba"));
  EXPECT_EQ(bench.response().output("label")->strings, std::vector<std::string>{"b"});
  ASSERT_EQ(bench.response().errors.size(), 1U);
  EXPECT_EQ(bench.response().errors[0].member, "a");
  EXPECT_EQ(bench.response().errors[0].error, unavailable("no replica is up"));
}

TEST(Ensemble, TellsByItsCodeWhyTheQuorumWasMissed) {
  using enum ErrorCode;
  struct Case {
    ErrorCode a, b, expected;
  };
  for (const Case& c :
       {Case{kTimeout, kTimeout, kTimeout}, Case{kInvalid, kInvalid, kInvalid},
        Case{kTimeout, kUnavailable, kUnavailable}, Case{kInvalid, kTimeout, kUnavailable},
        Case{kTimeout, kInternal, kUnavailable}, Case{kInternal, kInternal, kUnavailable},
        Case{kInternal, kUnavailable, kUnavailable}, Case{kExhausted, kInvalid, kUnavailable}}) {
    EnsembleBench bench({kInline, kInline});
    bench[0].answer = [&](const InferRequest&) { return fail(c.a, "one"); };
    bench[1].answer = [&](const InferRequest&) { return fail(c.b, "two"); };
    bench.start();
    EXPECT_EQ(bench.sink.code(), c.expected) << to_string(c.a) << " and " << to_string(c.b);
    EXPECT_EQ(bench.sink.results[0].error().message,
              "0 of 2 members of 'all' answered, 1 are needed: a: one; b: two");
  }
}

TEST(Ensemble, TellsWhetherAMemberWasAwayWhenTheQuorumWasMissed) {
  const auto detail = [](Error a, Error b) {
    EnsembleBench bench({kInline, kInline});
    bench[0].answer = [&](const InferRequest&) { return fail(a); };
    bench[1].answer = [&](const InferRequest&) { return fail(b); };
    bench.start();
    return bench.sink.results[0].error().detail;
  };
  EXPECT_EQ(detail(internal("it answered 500"), timed_out("late")), ErrorDetail::kNotAway);
  EXPECT_EQ(detail(internal("it answered 500"), unavailable("refused")), ErrorDetail::kNone);
  EXPECT_EQ(detail(timed_out("late"), timed_out("late")), ErrorDetail::kNone);
  Error inner = unavailable("0 of 2 members of 'inner' answered");
  inner.detail = ErrorDetail::kNotAway;
  EXPECT_EQ(detail(inner, internal("it answered 500")), ErrorDetail::kNotAway);
}

TEST(Ensemble, NeedsAsManyAnswersAsTheQuorumSays) {
  for (const std::size_t quorum : {1U, 2U, 3U}) {
    EnsembleBench bench({kInline, kInline, kInline}, {.quorum = quorum});
    bench[2].answer = [](const InferRequest&) { return fail(unavailable("down")); };
    bench.start();
    EXPECT_EQ(bench.sink.results[0].has_value(), quorum <= 2) << quorum;
  }
}

TEST(Ensemble, LetsAnAnswerThatDoesNotFitTheOthersCostItsOwnEntryOnly) {
  for (const MergeRule rule : {MergeRule::kMean, MergeRule::kWeightedVote}) {
    for (const Placement placed : {kInline, kRemote}) {
      EnsembleBench bench({placed, placed, placed}, {.merge = {.rule = rule}});
      const auto narrow = [] { return response_of(fp32("y", {1, 1}, {0.9F})); };
      bench[0].answer = [&](const InferRequest&) -> Result<Response> { return narrow(); };
      bench.start();
      if (placed.where == Placement::Where::kRemote) {
        bench[0].reply(narrow());
        bench[1].reply(good());
        bench[2].reply(good());
      }
      ASSERT_TRUE(bench.sink.results.at(0)) << bench.sink.results[0].error().message;
      EXPECT_EQ(bench.output_names()[0], "b.y");
      EXPECT_EQ(bench.output_names()[1], "c.y");
      EXPECT_EQ(bench.output_names()[2], rule == MergeRule::kMean ? "mean" : "vote");
      ASSERT_EQ(bench.missing(), "a:internal");
      EXPECT_EQ(bench.response().errors[0].error.message,
                "member 'a' answered with shape [1,1], member 'b' with [1,2]");
    }
  }
}

TEST(Ensemble, CountsTheQuorumWithoutAnswersThatDoNotFit) {
  EnsembleBench bench({kInline, kInline, kInline},
                      {.quorum = 3, .merge = {.rule = MergeRule::kMean}});
  bench[2].answer = [](const InferRequest&) -> Result<Response> {
    return response_of(fp32("y", {1, 1}, {0.9F}));
  };
  bench.start();
  EXPECT_EQ(bench.sink.code(), ErrorCode::kUnavailable);
  EXPECT_THAT(bench.sink.results[0].error().message,
              HasSubstr("2 of 3 members of 'all' answered, 3 are needed: c: member 'c' answered"));
}

TEST(Ensemble, FailsWhenNoAnswerHasWhatIsToBeMerged) {
  EnsembleBench bench({kInline, kInline}, {.merge = {.rule = MergeRule::kMean, .output = "z"}});
  bench.start();
  EXPECT_EQ(bench.sink.code(), ErrorCode::kUnavailable);
  EXPECT_THAT(bench.sink.results[0].error().message,
              HasSubstr("member 'a' gave no numeric output 'z' to merge"));
}

TEST(Ensemble, RefusesInputThatNoMemberTakesAndAsksNobody) {
  EnsembleBench bench({kInline, kRemote});
  InferRequest request;
  request.inputs.push_back(fp32("x", {1, 3}, {1, 2, 3}));
  bench.start({}, make_request(std::move(request)));
  EXPECT_EQ(bench.sink.code(), ErrorCode::kInvalid);
  EXPECT_EQ(bench.sink.results[0].error().message,
            "input 'x' of 'all' takes shape [-1,2], got [1,3]");
  EXPECT_EQ(bench[0].starts + bench[1].starts, 0);
}

TEST(Ensemble, GivesOnlyTheOutputsThatAreWanted) {
  EnsembleBench bench({kInline, kInline}, {.merge = {.rule = MergeRule::kMean}});
  bench.start({}, wanting({"mean", "b.y"}));
  EXPECT_THAT(bench.output_names(), ElementsAre("b.y", "mean"));
  EXPECT_TRUE(std::get<InferRequest>(*bench[0].seen.at(0)).outputs.empty())
      << "members are asked for all: the merge rule needs them";
}

TEST(Ensemble, AsksItsMembersOnlyForTheOutputsThatAreWanted) {
  EnsembleBench bench({kInline, kInline, kInline});
  for (std::size_t i = 0; i < 2; ++i) {
    bench[i].description.outputs.push_back({"z", DataType::kInt64, {-1}});
  }
  bench.make({{"a", bench.fakes[0]}, {"b", bench.fakes[1]}, {"c", bench.fakes[2]}}, {});
  bench.start({}, wanting({"a.y", "b.y", "c.y"}));
  const auto asked = [&](std::size_t i) { return std::get<InferRequest>(*bench[i].seen.at(0)); };
  EXPECT_EQ(asked(0).outputs, std::vector<std::string>{"y"});
  EXPECT_EQ(bench[0].seen, bench[1].seen) << "members of a kind share one request";
  EXPECT_TRUE(asked(2).outputs.empty()) << "it has no others";
  EXPECT_EQ(asked(2).inputs.at(0).data.size(), 8U);
  EXPECT_EQ(bench.output_names(), (std::vector<std::string>{"a.y", "b.y", "c.y"}));
}

TEST(Ensemble, AsksForWhatItsMergeRuleNeedsAndMergesOnlyWhereThatIsWanted) {
  EnsembleBench bench({kInline}, {.merge = {.rule = MergeRule::kMean, .output = "y"}});
  bench[0].description.outputs.push_back({"z", DataType::kInt64, {-1}});
  bench.make({{"a", bench.fakes[0]}}, {.merge = {.rule = MergeRule::kMean, .output = "y"}});
  bench.start({}, wanting({"mean"}));
  EXPECT_EQ(std::get<InferRequest>(*bench[0].seen.at(0)).outputs, std::vector<std::string>{"y"});
  EXPECT_EQ(bench.output_names(), std::vector<std::string>{"mean"});

  bench[0].answer = [](const InferRequest&) -> Result<Response> {
    return response_of(make_tensor("z", DataType::kInt64, {1}));  // nothing to merge
  };
  bench.start({}, wanting({"a.z"}));
  ASSERT_TRUE(bench.sink.results.at(1)) << bench.sink.results.at(1).error().message;
}

TEST(Ensemble, TakesTheNameOfAnOutputOfAMemberThatIsNotThere) {
  EnsembleBench bench({kInline});
  bench.make({{"a", bench.fakes[0]},
              {"gone", std::make_shared<UnavailableCallable>("gone", "there is no 'gone'")}},
             {});
  bench.start({}, wanting({"a.y", "gone.y"}));
  EXPECT_THAT(bench.output_names(), ElementsAre("a.y"));
  EXPECT_EQ(bench.missing(), "gone:unavailable");
}

TEST(Ensemble, StillChecksInputsWhenOutputsOfAMissingMemberAreWanted) {
  EnsembleBench bench({kInline});
  bench.make({{"a", bench.fakes[0]},
              {"gone", std::make_shared<UnavailableCallable>("gone", "there is no 'gone'")}},
             {});
  InferRequest request;
  request.outputs = {"gone.y"};
  bench.start({}, make_request(std::move(request)));
  EXPECT_EQ(bench.sink.results.at(0).error(), invalid("input 'x' of 'all' is missing"));
}

TEST(Ensemble, RefusesAnOutputThatNobodyGives) {
  for (const std::string name : {"y", "c.y", "mean", ""}) {
    EnsembleBench bench({kInline, kInline});
    bench.start({}, wanting({name}));
    EXPECT_EQ(bench.sink.code(), ErrorCode::kInvalid) << name;
    EXPECT_THAT(bench.sink.results[0].error().message, HasSubstr("<member>.<output>"));
  }
}

TEST(Ensemble, GivesEachMemberTheInputsThatItTakes) {
  EnsembleBench bench({kInline, kInline});
  bench[1].description.inputs = {{"z", DataType::kFp32, {-1, 2}}};
  bench.make({{"a", bench.fakes[0]}, {"b", bench.fakes[1]}}, {});
  InferRequest request;
  request.parameters.emplace("priority", std::int64_t{3});
  request.inputs.push_back(fp32("x", {1, 2}, {1, 2}));
  request.inputs.push_back(fp32("z", {1, 2}, {3, 4}));
  bench.start({}, make_request(std::move(request)));
  ASSERT_TRUE(bench.sink.done());
  for (const auto& [member, input] : {std::pair(0U, "x"), std::pair(1U, "z")}) {
    const auto& seen = std::get<InferRequest>(*bench[member].seen.at(0));
    ASSERT_EQ(seen.inputs.size(), 1U);
    EXPECT_EQ(seen.inputs[0].name, input);
    EXPECT_EQ(seen.parameters.count("priority"), 1U);
  }
}

TEST(Ensemble, AsksAllMembersAgainstTheVersionOfTheirOwn) {
  EnsembleBench bench({kInline});
  InferRequest request = std::get<InferRequest>(*input_x());
  request.version = "1";
  bench.start({}, make_request(std::move(request)));
  EXPECT_EQ(std::get<InferRequest>(*bench[0].seen.at(0)).version, "");
}

TEST(Ensemble, RefusesToStandTooDeepInEnsembles) {
  EnsembleBench bench({kInline});
  bench.start({.depth = kMaxCallDepth});
  EXPECT_EQ(bench.sink.code(), ErrorCode::kInternal);
  EXPECT_EQ(bench[0].starts, 0);
}

TEST(Ensemble, RunsInlineInsideAnother) {
  EnsembleBench inner({kInline, kInline}, {.merge = {.rule = MergeRule::kMean}});
  EnsembleBench outer({kInline});
  outer.make({{"in", inner.ensemble}, {"a", outer.fakes[0]}}, {});
  EXPECT_EQ(outer.ensemble->placement(*input_x()).where, Placement::Where::kInline);
  outer.start();
  EXPECT_THAT(outer.output_names(), ElementsAre("in.a.y", "in.b.y", "in.mean", "a.y"));
}

TEST(UnavailableCallable, FailsEveryCallWithItsReason) {
  UnavailableCallable callable("m", "model 'm' is not ready: not ONNX");
  TestSink sink;
  callable.start({}, input_x(), sink);
  EXPECT_EQ(sink.results.at(0).error(), unavailable("model 'm' is not ready: not ONNX"));
  EXPECT_EQ(callable.ready().error(), sink.results[0].error());
  EXPECT_EQ(callable.placement(*input_x()).where, Placement::Where::kInline);
}

}  // namespace
}  // namespace sluice::gateway
