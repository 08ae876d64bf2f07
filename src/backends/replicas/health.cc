#include "backends/replicas/health.h"

#include <algorithm>
#include <cmath>

namespace sluice::replicas {

namespace {
// What one outcome counts in the moving average: all failures pass 0.5 after 14.
constexpr double kWeight = 0.05;
}  // namespace

void ReplicaHealth::note_successes(std::uint64_t successes) {
  if (successes == 0) return;
  in_a_row_ = 0;
  silent_ = {};
  ratio_ *= std::pow(1.0 - kWeight, static_cast<double>(successes));
}

// Even where answers scatter as widely as in a queue (a quarter of them later than two medians, one
// in a thousand later than ten), a healthy replica is never that silent several times in a row.
// Calls at the same time wait through the same silence: it is counted once.
bool ReplicaHealth::timeout_counts(std::uint64_t successes_before, Duration waited, Duration median,
                                   TimePoint now) {
  note_successes(successes_before);
  if (waited < median * kLeastChance) return false;
  silent_ += std::min(waited, now - silent_until_);
  silent_until_ = now;
  return std::max(waited, silent_) >= median * kFairChance;
}

bool ReplicaHealth::on_failure(std::uint64_t successes_before, TimePoint now,
                               const EjectionOptions& options) {
  note_successes(successes_before);
  silent_ = {};
  ++in_a_row_;
  ratio_ += (1.0 - ratio_) * kWeight;
  if (state_ != State::kIn) return false;
  // Its past is forgotten once it has been good for as long as it could have been out.
  if (now - in_since_ >= options.max_time) times_out_ = 0;
  return in_a_row_ >= options.consecutive_failures || ratio_ >= options.failure_ratio;
}

void ReplicaHealth::put_out(TimePoint now, const EjectionOptions& options) {
  const std::uint32_t doublings = std::min(times_out_++, 30U);
  const double wanted = static_cast<double>(options.base_time.count()) * std::exp2(doublings);
  const bool capped = wanted >= static_cast<double>(options.max_time.count());
  until_ = now + (capped ? options.max_time : Duration(static_cast<Duration::rep>(wanted)));
  state_ = State::kOut;
}

void ReplicaHealth::on_probe_ended(bool success, TimePoint now, const EjectionOptions& options) {
  if (state_ != State::kProbing) return;
  if (success) {
    let_in(now);
  } else {
    put_out(now, options);
  }
}

void ReplicaHealth::let_in(TimePoint now) {
  state_ = State::kIn;
  in_a_row_ = 0;
  ratio_ = 0.0;
  silent_ = {};
  in_since_ = now;
}

std::size_t most_out(std::size_t replicas, double share) {
  if (replicas <= 1) return 0;
  const auto by_share = static_cast<std::size_t>(std::ceil(static_cast<double>(replicas) * share));
  return std::min(by_share, replicas - 1);
}

}  // namespace sluice::replicas
