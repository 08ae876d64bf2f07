// How the answers of an ensemble's members become one. Pure functions over what came back.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/describe.h"
#include "inference/request.h"

namespace sluice::gateway {

enum class MergeRule : std::uint8_t {
  kAll,           // every member's outputs, nothing more
  kBestLabel,     // the member with the highest probability of "is the class": label, proba
  kMean,          // the element-wise mean of one output: mean
  kWeightedVote,  // each member votes for its most probable class: vote, share (and label)
};
std::string_view to_string(MergeRule rule);
std::optional<MergeRule> parse_merge_rule(std::string_view name);

struct MergeOptions {
  MergeRule rule = MergeRule::kAll;
  // Which output of the members counts. Empty: the only floating-point one.
  std::string output;
  // Which column of it says "is the class" (kBestLabel).
  std::int64_t column = 0;
  // Names of the classes, for kWeightedVote; empty: none.
  std::vector<std::string> labels;
};

void describe(config::Choices<MergeRule>& c);
void describe(config::Fields<MergeOptions>& f);

// One member's answer.
struct MemberAnswer {
  std::string_view member;
  double weight = 1.0;
  const InferResponse* response = nullptr;
};

// An answer that cannot be merged with the others, and why (kInternal): the output is missing, is
// not a number, lacks the column, or has another shape (for kBestLabel: other rows) than most; of
// shapes that equally many have, the first counts.
struct Misfit {
  std::size_t answer;  // its place among the answers
  Error error;
};
std::vector<Misfit> misfits(const MergeOptions& options, const std::vector<MemberAnswer>& answers);

// The merged outputs, named as the rule says: `label` BYTES [N] and `proba` FP32 [N]; `mean` FP32
// or FP64 of the output's shape; `vote` INT64 [N], `share` FP32 [N] (of the weight that answered)
// and, with labels, `label` BYTES [N]. None for kAll. Fails when there are misfits, and
// (kUnavailable) when only members without weight answered where weight counts. Ties go to the
// member or class that comes first; NaN is less than any number.
Result<std::vector<Tensor>> merge(const MergeOptions& options,
                                  const std::vector<MemberAnswer>& answers);

// What merge() will give, for metadata.
std::vector<TensorInfo> merged_outputs(const MergeOptions& options);

}  // namespace sluice::gateway
