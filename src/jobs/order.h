// Whose turn it is: pure, over what a store has in its queues.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "jobs/job.h"

namespace sluice::jobs {

// Which priority is served next: of ten turns six are high's, three normal's, one low's, evenly
// mixed; the turn of one that has nothing to do falls to the others, so none starves and none
// waits for nothing. (Smooth weighted round robin, as nginx does for upstreams.) One owner.
class PriorityWheel {
 public:
  static constexpr std::array<int, kPriorityCount> kWeights = {6, 3, 1};

  // Among those that have something; none when none has.
  std::optional<Priority> next(const std::array<bool, kPriorityCount>& has) {
    int all = 0;
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < kPriorityCount; ++i) {
      if (!has[i]) continue;
      all += kWeights[i];
      credit_[i] += kWeights[i];
      if (!best || credit_[i] > credit_[*best]) best = i;
    }
    if (!best) return std::nullopt;
    credit_[*best] -= all;
    return static_cast<Priority>(*best);
  }

 private:
  std::array<int, kPriorityCount> credit_{};
};

}  // namespace sluice::jobs
