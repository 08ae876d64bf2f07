#include "gateway/merge.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"

namespace sluice::gateway {

namespace {

bool is_float(DataType type) {
  return type == DataType::kFp16 || type == DataType::kBf16 || type == DataType::kFp32 ||
         type == DataType::kFp64;
}

// The output that counts, of one member.
Result<const Tensor*> counted_output(const MergeOptions& options, const MemberAnswer& answer) {
  const Tensor* found = nullptr;
  if (!options.output.empty()) {
    found = answer.response->output(options.output);
  } else {
    for (const Tensor& tensor : answer.response->outputs) {
      if (!is_float(tensor.type)) continue;
      if (found != nullptr) {
        return fail(internal(
            formatted("member '{}' has several floating-point outputs; name one in merge.output",
                      answer.member)));
      }
      found = &tensor;
    }
  }
  if (found == nullptr || found->type == DataType::kBytes) {
    return fail(internal(formatted("member '{}' gave no numeric output '{}' to merge",
                                   answer.member, options.output)));
  }
  return found;
}

// Elements a row: a vector counts as one column.
std::int64_t columns_of(const Tensor& tensor) {
  const std::int64_t rows = tensor.shape.rows();
  return rows == 0 ? 0 : tensor.shape.elements().value_or(0) / rows;
}

double at(const Tensor& tensor, std::int64_t i) {
  return element_as_double(tensor, static_cast<std::size_t>(i)).value_or(0);
}

// Which of [0, count) has the highest value: the first of those; what is not a number loses.
template <class ValueOf>
std::int64_t highest(std::int64_t count, const ValueOf& value_of) {
  std::int64_t best = 0;
  double most = value_of(0);
  for (std::int64_t i = 1; i < count; ++i) {
    const double value = value_of(i);
    if (value > most || (std::isnan(most) && !std::isnan(value))) {
      most = value;
      best = i;
    }
  }
  return best;
}

double total_weight(const std::vector<MemberAnswer>& answers) {
  double total = 0;
  for (const MemberAnswer& answer : answers) total += answer.weight;
  return total;
}

std::vector<Tensor> best_label(const MergeOptions& options,
                               const std::vector<MemberAnswer>& answers,
                               const std::vector<const Tensor*>& counted, std::int64_t rows) {
  Tensor label = make_tensor("label", DataType::kBytes, {rows});
  Tensor proba = make_tensor("proba", DataType::kFp32, {rows});
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto probability = [&](std::int64_t m) {
      const Tensor& tensor = *counted[static_cast<std::size_t>(m)];
      return at(tensor, row * columns_of(tensor) + options.column);
    };
    const std::int64_t best = highest(std::ssize(counted), probability);
    const auto i = static_cast<std::size_t>(row);
    label.strings[i] = answers[static_cast<std::size_t>(best)].member;
    proba.as<float>()[i] = static_cast<float>(probability(best));
  }
  std::vector<Tensor> outputs;
  outputs.push_back(std::move(label));
  outputs.push_back(std::move(proba));
  return outputs;
}

std::vector<Tensor> mean(const std::vector<MemberAnswer>& answers,
                         const std::vector<const Tensor*>& counted) {
  const Tensor& first = *counted.front();
  const bool wide = first.type == DataType::kFp64;
  Tensor out = make_tensor("mean", wide ? DataType::kFp64 : DataType::kFp32, first.shape);
  const double total = total_weight(answers);
  const std::int64_t count = first.shape.elements().value_or(0);
  for (std::int64_t i = 0; i < count; ++i) {
    double sum = 0;
    for (std::size_t m = 0; m < counted.size(); ++m) sum += answers[m].weight * at(*counted[m], i);
    if (wide) {
      out.as<double>()[static_cast<std::size_t>(i)] = sum / total;
    } else {
      out.as<float>()[static_cast<std::size_t>(i)] = static_cast<float>(sum / total);
    }
  }
  std::vector<Tensor> outputs;
  outputs.push_back(std::move(out));
  return outputs;
}

std::vector<Tensor> weighted_vote(const MergeOptions& options,
                                  const std::vector<MemberAnswer>& answers,
                                  const std::vector<const Tensor*>& counted, std::int64_t rows) {
  const std::int64_t classes = columns_of(*counted.front());
  Tensor vote = make_tensor("vote", DataType::kInt64, {rows});
  Tensor share = make_tensor("share", DataType::kFp32, {rows});
  Tensor label = make_tensor("label", DataType::kBytes, {options.labels.empty() ? 0 : rows});
  const double total = total_weight(answers);
  std::vector<double> votes(static_cast<std::size_t>(classes));
  for (std::int64_t row = 0; row < rows; ++row) {
    std::ranges::fill(votes, 0.0);
    for (std::size_t m = 0; m < counted.size(); ++m) {
      const std::int64_t best =
          highest(classes, [&](std::int64_t c) { return at(*counted[m], row * classes + c); });
      votes[static_cast<std::size_t>(best)] += answers[m].weight;
    }
    const auto winner = std::ranges::max_element(votes) - votes.begin();
    const auto i = static_cast<std::size_t>(row);
    vote.as<std::int64_t>()[i] = winner;
    share.as<float>()[i] = static_cast<float>(votes[static_cast<std::size_t>(winner)] / total);
    if (!options.labels.empty()) {
      const auto w = static_cast<std::size_t>(winner);
      label.strings[i] = w < options.labels.size() ? options.labels[w] : std::to_string(winner);
    }
  }
  std::vector<Tensor> outputs;
  outputs.push_back(std::move(vote));
  outputs.push_back(std::move(share));
  if (!options.labels.empty()) outputs.push_back(std::move(label));
  return outputs;
}

}  // namespace

std::string_view to_string(MergeRule rule) {
  switch (rule) {
    case MergeRule::kAll:
      return "all";
    case MergeRule::kBestLabel:
      return "best_label";
    case MergeRule::kMean:
      return "mean";
    case MergeRule::kWeightedVote:
      return "weighted_vote";
  }
  return "all";
}

std::optional<MergeRule> parse_merge_rule(std::string_view name) {
  for (const MergeRule rule :
       {MergeRule::kAll, MergeRule::kBestLabel, MergeRule::kMean, MergeRule::kWeightedVote}) {
    if (name == to_string(rule)) return rule;
  }
  return std::nullopt;
}

Result<std::vector<Tensor>> merge(const MergeOptions& options,
                                  const std::vector<MemberAnswer>& answers) {
  if (options.rule == MergeRule::kAll || answers.empty()) return std::vector<Tensor>();
  std::vector<const Tensor*> counted;
  counted.reserve(answers.size());
  for (const MemberAnswer& answer : answers) {
    const auto output = counted_output(options, answer);
    if (!output) return fail(output.error());
    counted.push_back(*output);
  }
  const Tensor& first = *counted.front();
  const std::int64_t rows = first.shape.rows();
  for (std::size_t m = 0; m < counted.size(); ++m) {
    const Tensor& tensor = *counted[m];
    const bool same = options.rule == MergeRule::kBestLabel ? tensor.shape.rows() == rows
                                                            : tensor.shape == first.shape;
    if (!same) {
      return fail(internal(formatted("member '{}' answered with shape {}, member '{}' with {}",
                                     answers.front().member, to_string(first.shape),
                                     answers[m].member, to_string(tensor.shape))));
    }
    const std::int64_t column = options.rule == MergeRule::kBestLabel ? options.column : 0;
    if (options.rule != MergeRule::kMean && rows > 0 && columns_of(tensor) <= column) {
      return fail(internal(
          formatted("member '{}' has no column {} to compare", answers[m].member, column)));
    }
  }
  if (options.rule != MergeRule::kBestLabel && total_weight(answers) <= 0) {
    return fail(unavailable("only members of weight 0 answered"));
  }
  switch (options.rule) {
    case MergeRule::kAll:
      break;
    case MergeRule::kBestLabel:
      return best_label(options, answers, counted, rows);
    case MergeRule::kMean:
      return mean(answers, counted);
    case MergeRule::kWeightedVote:
      return weighted_vote(options, answers, counted, rows);
  }
  return std::vector<Tensor>();
}

std::vector<TensorInfo> merged_outputs(const MergeOptions& options) {
  switch (options.rule) {
    case MergeRule::kAll:
      return {};
    case MergeRule::kBestLabel:
      return {{"label", DataType::kBytes, {-1}}, {"proba", DataType::kFp32, {-1}}};
    case MergeRule::kMean:
      return {{"mean", DataType::kFp32, {-1, -1}}};
    case MergeRule::kWeightedVote: {
      std::vector<TensorInfo> outputs{{"vote", DataType::kInt64, {-1}},
                                      {"share", DataType::kFp32, {-1}}};
      if (!options.labels.empty()) outputs.push_back({"label", DataType::kBytes, {-1}});
      return outputs;
    }
  }
  return {};
}

}  // namespace sluice::gateway
