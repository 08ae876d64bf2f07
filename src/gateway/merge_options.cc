#include "config/fields.h"
#include "gateway/merge.h"

namespace sluice::gateway {

void describe(config::Choices<MergeRule>& c) {
  c.choice("all", MergeRule::kAll, "every member's outputs, nothing more")
      .choice("best_label", MergeRule::kBestLabel,
              "the member with the highest probability: outputs label and proba")
      .choice("mean", MergeRule::kMean, "the weighted mean of one output: output mean")
      .choice("weighted_vote", MergeRule::kWeightedVote,
              "each member votes for its most probable class: outputs vote, share and label");
}

void describe(config::Fields<MergeOptions>& f) {
  f.about("merge", "How the members' answers become one.");
  f.field("rule", &MergeOptions::rule, "The rule.");
  f.field("output", &MergeOptions::output,
          "Which output of the members counts; empty: their only floating-point one.");
  f.field("column", &MergeOptions::column, "best_label: the column that says \"is the class\".")
      .range(0, 1'000'000);
  f.field("labels", &MergeOptions::labels, "weighted_vote: names of the classes, by column.");
}

}  // namespace sluice::gateway
