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
    return fail(internal(
        options.output.empty()
            ? formatted("member '{}' gave no floating-point output to merge", answer.member)
            : formatted("member '{}' gave no numeric output '{}' to merge", answer.member,
                        options.output)));
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

// What is to be merged of each answer, null of those that do not fit.
struct Counted {
  std::vector<const Tensor*> outputs;
  std::vector<Misfit> misfits;
};

bool same_shape(const MergeOptions& options, const Tensor& a, const Tensor& b) {
  return options.rule == MergeRule::kBestLabel ? a.shape.rows() == b.shape.rows()
                                               : a.shape == b.shape;
}

// The shape that most have. There is one output at least.
std::size_t most_common(const MergeOptions& options, const std::vector<const Tensor*>& outputs) {
  std::size_t best = 0;
  std::ptrdiff_t most = 0;
  for (std::size_t m = 0; m < outputs.size(); ++m) {
    if (outputs[m] == nullptr) continue;
    const auto alike = std::ranges::count_if(outputs, [&](const Tensor* other) {
      return other != nullptr && same_shape(options, *other, *outputs[m]);
    });
    if (alike > most) {
      most = alike;
      best = m;
    }
    if (2 * most >= std::ssize(outputs)) break;
  }
  return best;
}

Counted count(const MergeOptions& options, const std::vector<MemberAnswer>& answers) {
  Counted counted;
  if (options.rule == MergeRule::kAll) return counted;
  counted.outputs.reserve(answers.size());
  const auto refuse = [&](std::size_t m, Error why) {
    counted.outputs[m] = nullptr;
    counted.misfits.push_back({m, std::move(why)});
  };
  const std::int64_t column = options.rule == MergeRule::kBestLabel ? options.column : 0;
  for (std::size_t m = 0; m < answers.size(); ++m) {
    auto output = counted_output(options, answers[m]);
    counted.outputs.push_back(output ? *output : nullptr);
    if (!output) {
      refuse(m, std::move(output.error()));
    } else if (options.rule != MergeRule::kMean && (*output)->shape.rows() > 0 &&
               columns_of(**output) <= column) {
      refuse(m, internal(formatted("member '{}' has no column {} to compare", answers[m].member,
                                   column)));
    }
  }
  if (counted.misfits.size() == answers.size()) return counted;
  const std::size_t like = most_common(options, counted.outputs);
  const Tensor& model = *counted.outputs[like];
  for (std::size_t m = 0; m < answers.size(); ++m) {
    const Tensor* output = counted.outputs[m];
    if (output == nullptr || same_shape(options, *output, model)) continue;
    refuse(m, internal(formatted("member '{}' answered with shape {}, member '{}' with {}",
                                 answers[m].member, to_string(output->shape), answers[like].member,
                                 to_string(model.shape))));
  }
  return counted;
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

std::vector<Misfit> misfits(const MergeOptions& options, const std::vector<MemberAnswer>& answers) {
  return count(options, answers).misfits;
}

Result<std::vector<Tensor>> merge(const MergeOptions& options,
                                  const std::vector<MemberAnswer>& answers) {
  if (options.rule == MergeRule::kAll || answers.empty()) return std::vector<Tensor>();
  const auto [counted, misfits] = count(options, answers);
  if (!misfits.empty()) return fail(misfits.front().error);
  const std::int64_t rows = counted.front()->shape.rows();
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
