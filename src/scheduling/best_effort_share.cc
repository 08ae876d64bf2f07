#include "scheduling/best_effort_share.h"

#include <algorithm>

namespace sluice::scheduling {

Duration BestEffortShare::most_owed(double share) {
  const double of_memory = share * static_cast<double>(kMemory.count());
  return std::clamp(Duration(static_cast<Duration::rep>(of_memory)), kQuantum, kMostOwed);
}

BestEffortShare::BestEffortShare(const SlotOptions& options)
    : full_(options.preemption == Preemption::kFull),
      share_(options.best_effort.share),
      most_owed_ns_(static_cast<double>(most_owed(share_).count())),
      engines_(full_ ? 1.0 : static_cast<double>(options.slots)) {}

void BestEffortShare::advance(TimePoint now, const EngineUse& use) {
  const auto passed = static_cast<double>((now - last_.value_or(now)).count());
  last_ = now;
  const bool there = use.best_effort_held > 0 || use.best_effort_waits;
  double got = static_cast<double>(use.best_effort_held);
  if (full_) got = use.best_effort_held > 0 && use.realtime_held == 0 ? 1.0 : 0.0;
  debt_ns_ += (share_ * engines_ - got) * passed;
  // Who is not there is owed nothing; nor, without preemption, who has all that it asked for.
  if (full_ ? !there : !use.best_effort_waits) debt_ns_ = std::min(debt_ns_, 0.0);
  const double memory = share_ * engines_ * static_cast<double>(kMemory.count());
  debt_ns_ = std::max(debt_ns_, -memory);
}

bool BestEffortShare::due(const EngineUse& use) {
  if (!full_) {
    return use.best_effort_waits && debt_ns_ > 0 &&
           static_cast<double>(use.best_effort_held) < share_ * engines_;
  }
  if (use.best_effort_held == 0 && !use.best_effort_waits) {
    holding_ = false;
  } else if (debt_ns_ >=
             (use.realtime_held == 0 ? static_cast<double>(kQuantum.count()) : most_owed_ns_)) {
    holding_ = true;
  } else if (debt_ns_ <= 0) {
    holding_ = false;
  }
  return holding_;
}

std::optional<TimePoint> BestEffortShare::given_at(const EngineUse& use) const {
  if (!holding_ || !last_ || use.realtime_held > 0 || use.best_effort_held == 0) {
    return std::nullopt;
  }
  // One more, because what is left is rounded.
  return *last_ + Duration(static_cast<Duration::rep>(debt_ns_ / (1.0 - share_)) + 1);
}

}  // namespace sluice::scheduling
