#include "gateway/merge.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "inference/testing_callable.h"

namespace sluice::gateway {
namespace {

using sluice::testing::fp32;
using sluice::testing::response_of;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Members a, b, c.. with these answers and weights.
struct Answers {
  explicit Answers(std::vector<Tensor> outputs, std::vector<double> weights = {}) {
    for (Tensor& output : outputs) responses.push_back(response_of(std::move(output)));
    constexpr std::string_view kNames = "abcdefgh";
    for (std::size_t i = 0; i < responses.size(); ++i) {
      list.push_back({kNames.substr(i, 1), i < weights.size() ? weights[i] : 1.0, &responses[i]});
    }
  }
  std::vector<InferResponse> responses;
  std::vector<MemberAnswer> list;
};

std::vector<float> floats(const Tensor& tensor) {
  const auto span = tensor.as<float>();
  return {span.begin(), span.end()};
}

TEST(Merge, NamesEachRuleAsTheConfigurationDoes) {
  for (const MergeRule rule :
       {MergeRule::kAll, MergeRule::kBestLabel, MergeRule::kMean, MergeRule::kWeightedVote}) {
    EXPECT_EQ(parse_merge_rule(to_string(rule)), rule);
  }
  EXPECT_EQ(parse_merge_rule("best"), std::nullopt);
}

TEST(Merge, AddsNothingWhereAllAnswersAreWanted) {
  const Answers answers({fp32("y", {1, 2}, {0, 1})});
  EXPECT_TRUE(merge({}, answers.list).value().empty());
  EXPECT_TRUE(merge({.rule = MergeRule::kMean}, {}).value().empty());
}

struct BestCase {
  std::string_view what;
  std::vector<std::vector<float>> columns;  // of two, one row a member
  std::int64_t column;
  std::string label;
  float proba;
};

TEST(Merge, PicksTheMemberWithTheHighestProbability) {
  const std::vector<BestCase> cases{
      {"the highest", {{0.9F, 0.1F}, {0.2F, 0.8F}, {0.5F, 0.5F}}, 0, "a", 0.9F},
      {"in the named column", {{0.9F, 0.1F}, {0.2F, 0.8F}, {0.5F, 0.5F}}, 1, "b", 0.8F},
      {"the first of equals", {{0.5F, 0}, {0.5F, 0}}, 0, "a", 0.5F},
      {"negative scores too", {{-3, 0}, {-1, 0}, {-2, 0}}, 0, "b", -1},
      {"a number before NaN", {{kNan, 0}, {0.1F, 0}}, 0, "b", 0.1F},
  };
  for (const BestCase& c : cases) {
    std::vector<Tensor> outputs;
    for (const auto& values : c.columns) outputs.push_back(fp32("y", {1, 2}, values));
    const Answers answers(std::move(outputs));
    const auto merged =
        merge({.rule = MergeRule::kBestLabel, .column = c.column}, answers.list).value();
    ASSERT_EQ(merged.size(), 2U);
    EXPECT_EQ(merged[0].name, "label");
    EXPECT_EQ(merged[0].strings, std::vector<std::string>{c.label}) << c.what;
    EXPECT_EQ(merged[1].name, "proba");
    EXPECT_EQ(floats(merged[1]), std::vector<float>{c.proba}) << c.what;
  }
}

TEST(Merge, PicksTheBestLabelRowByRow) {
  const Answers answers(
      {fp32("y", {2, 2}, {0.9F, 0, 0.1F, 0}), fp32("y", {2, 2}, {0.2F, 0, 0.7F, 0})});
  const auto merged = merge({.rule = MergeRule::kBestLabel}, answers.list).value();
  EXPECT_EQ(merged[0].strings, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(floats(merged[1]), (std::vector<float>{0.9F, 0.7F}));
}

TEST(Merge, WeighsTheMeanAndKeepsItsShape) {
  const Answers answers({fp32("y", {2, 2}, {0, 2, 4, 6}), fp32("y", {2, 2}, {4, 2, 0, 2})}, {3, 1});
  const auto merged = merge({.rule = MergeRule::kMean}, answers.list).value();
  ASSERT_EQ(merged.size(), 1U);
  EXPECT_EQ(merged[0].name, "mean");
  EXPECT_EQ(merged[0].shape, (Shape{2, 2}));
  EXPECT_EQ(floats(merged[0]), (std::vector<float>{1, 2, 3, 5}));
}

TEST(Merge, KeepsTheMeanOfDoublesAsWideAsTheyAre) {
  Tensor wide = make_tensor("y", DataType::kFp64, {1});
  wide.as<double>()[0] = 0.1;
  const Answers answers({wide, wide});
  const auto merged = merge({.rule = MergeRule::kMean}, answers.list).value();
  EXPECT_EQ(merged[0].type, DataType::kFp64);
  EXPECT_EQ(merged[0].as<double>()[0], 0.1);
}

TEST(Merge, CountsVotesByWeightAndTellsTheirShare) {
  const Answers answers({fp32("y", {1, 3}, {0.1F, 0.8F, 0.1F}), fp32("y", {1, 3}, {0.9F, 0, 0.1F}),
                         fp32("y", {1, 3}, {kNan, 0.4F, 0.2F})},
                        {1, 3, 1});
  auto merged = merge({.rule = MergeRule::kWeightedVote}, answers.list).value();
  ASSERT_EQ(merged.size(), 2U);
  EXPECT_EQ(merged[0].as<std::int64_t>()[0], 0);
  EXPECT_EQ(merged[1].as<float>()[0], 0.6F);
  merged = merge({.rule = MergeRule::kWeightedVote, .labels = {"setosa"}}, answers.list).value();
  EXPECT_EQ(merged.at(2).strings, std::vector<std::string>{"setosa"});
}

TEST(Merge, NamesAClassWithoutALabelByItsNumber) {
  const Answers answers({fp32("y", {1, 2}, {0, 1})});
  const auto merged =
      merge({.rule = MergeRule::kWeightedVote, .labels = {"zero"}}, answers.list).value();
  EXPECT_EQ(merged[2].strings, std::vector<std::string>{"1"});
}

TEST(Merge, LooksAtTheNamedOutputAmongSeveral) {
  Answers answers({fp32("y", {1, 2}, {0, 1})});
  answers.responses[0].outputs.push_back(fp32("z", {1, 2}, {5, 7}));
  const auto merged = merge({.rule = MergeRule::kMean, .output = "z"}, answers.list).value();
  EXPECT_EQ(floats(merged[0]), (std::vector<float>{5, 7}));
}

TEST(Merge, SaysWhichAnswersDoNotFitTogether) {
  struct Case {
    MergeOptions options;
    std::vector<Tensor> outputs;
    std::vector<double> weights;
    std::string message;
  };
  Tensor text = make_tensor("t", DataType::kBytes, {1});
  std::vector<Case> cases;
  cases.push_back({{.rule = MergeRule::kMean, .output = "z"},
                   {fp32("y", {1}, {0})},
                   {},
                   "member 'a' gave no numeric output 'z' to merge"});
  cases.push_back({{.rule = MergeRule::kMean, .output = "t"},
                   {text},
                   {},
                   "member 'a' gave no numeric output 't' to merge"});
  cases.push_back({{.rule = MergeRule::kMean},
                   {fp32("y", {1, 2}, {0, 0}), fp32("y", {2, 1}, {0, 0})},
                   {},
                   "member 'b' answered with shape [2,1], member 'a' with [1,2]"});
  cases.push_back({{.rule = MergeRule::kBestLabel},
                   {fp32("y", {1, 2}, {0, 0}), fp32("y", {2, 1}, {0, 0})},
                   {},
                   "member 'b' answered with shape [2,1], member 'a' with [1,2]"});
  cases.push_back({{.rule = MergeRule::kBestLabel, .column = 2},
                   {fp32("y", {1, 2}, {0, 0})},
                   {},
                   "member 'a' has no column 2 to compare"});
  cases.push_back({{.rule = MergeRule::kWeightedVote},
                   {fp32("y", {3, 0}, {})},
                   {},
                   "member 'a' has no column 0 to compare"});
  cases.push_back({{.rule = MergeRule::kMean},
                   {fp32("y", {1}, {0})},
                   {0},
                   "only members of weight 0 answered"});
  for (const Case& c : cases) {
    const Answers answers(c.outputs, c.weights);
    const auto merged = merge(c.options, answers.list);
    ASSERT_FALSE(merged) << c.message;
    EXPECT_EQ(merged.error().message, c.message);
  }
}

TEST(Misfits, AreThoseThatDifferFromMost) {
  struct Case {
    MergeOptions options;
    std::vector<Shape> shapes;
    std::vector<std::size_t> misfits;
  };
  const MergeOptions mean{.rule = MergeRule::kMean};
  const MergeOptions vote{.rule = MergeRule::kWeightedVote};
  const MergeOptions best{.rule = MergeRule::kBestLabel};
  const MergeOptions column{.rule = MergeRule::kBestLabel, .column = 1};
  const std::vector<Case> cases{
      {mean, {{1, 2}, {1, 2}, {1, 2}}, {}},
      {mean, {{1, 1}, {1, 2}, {1, 2}}, {0}},
      {mean, {{1, 2}, {1, 1}, {1, 3}}, {1, 2}},  // the first where none has more
      {mean, {{1, 1}, {1, 2}, {1, 3}, {1, 2}}, {0, 2}},
      {mean, {{2, 1}, {1, 2}, {2, 1}}, {1}},
      {vote, {{1, 0}, {1, 2}}, {0}},
      {vote, {{1, 0}, {1, 0}, {1, 2}}, {0, 1}},  // what has no column is no model for others
      {best, {{1, 1}, {1, 2}, {2, 2}}, {2}},     // rows alone count
      {column, {{1, 1}, {1, 2}, {1, 3}}, {0}},
      {{}, {{1, 1}, {1, 2}}, {}},
  };
  for (const Case& c : cases) {
    std::vector<Tensor> outputs;
    for (const Shape& shape : c.shapes) {
      outputs.push_back(make_tensor("y", DataType::kFp32, shape));
    }
    const Answers answers(std::move(outputs));
    std::vector<std::size_t> found;
    for (const Misfit& misfit : misfits(c.options, answers.list)) {
      EXPECT_EQ(misfit.error.code, ErrorCode::kInternal);
      found.push_back(misfit.answer);
    }
    EXPECT_EQ(found, c.misfits) << "case " << &c - cases.data();
  }
}

TEST(Merge, AsksForANameWhereSeveralOutputsCouldCount) {
  Answers answers({fp32("y", {1}, {0})});
  answers.responses[0].outputs.push_back(fp32("z", {1}, {0}));
  EXPECT_EQ(merge({.rule = MergeRule::kMean}, answers.list).error().message,
            "member 'a' has several floating-point outputs; name one in merge.output");
}

TEST(Merge, MergesNoRowsIntoNoRows) {
  for (const MergeRule rule : {MergeRule::kBestLabel, MergeRule::kMean, MergeRule::kWeightedVote}) {
    const Answers answers({fp32("y", {0, 2}, {}), fp32("y", {0, 2}, {})});
    const auto merged = merge({.rule = rule}, answers.list);
    ASSERT_TRUE(merged) << merged.error().message;
    for (const Tensor& tensor : *merged) EXPECT_EQ(tensor.shape.rows(), 0) << tensor.name;
  }
}

TEST(Merge, AnnouncesExactlyTheOutputsThatItGives) {
  const std::vector<MergeOptions> all{{.rule = MergeRule::kAll},
                                      {.rule = MergeRule::kBestLabel},
                                      {.rule = MergeRule::kMean},
                                      {.rule = MergeRule::kWeightedVote},
                                      {.rule = MergeRule::kWeightedVote, .labels = {"a", "b"}}};
  for (const MergeOptions& options : all) {
    const Answers answers({fp32("y", {1, 2}, {0, 1})});
    const auto given = merge(options, answers.list).value();
    const auto announced = merged_outputs(options);
    ASSERT_EQ(given.size(), announced.size());
    for (std::size_t i = 0; i < given.size(); ++i) {
      EXPECT_EQ(given[i].name, announced[i].name);
      EXPECT_EQ(given[i].type, announced[i].type);
      EXPECT_TRUE(given[i].shape.matches(announced[i].shape)) << given[i].name;
    }
  }
}

}  // namespace
}  // namespace sluice::gateway
