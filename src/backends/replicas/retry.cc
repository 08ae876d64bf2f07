#include "backends/replicas/retry.h"

namespace sluice::replicas {

namespace {
constexpr double kStep = 0.05;
}  // namespace

bool RetryBudget::take(TimePoint now) {
  if (last_ != TimePoint{} && now > last_) add(to_seconds(now - last_) * per_second_);
  last_ = std::max(last_, now);
  if (tokens_ < 1.0) return false;
  tokens_ -= 1.0;
  return true;
}

void MedianEstimate::add(Duration value) {
  const auto sample = static_cast<double>(std::max<Duration::rep>(value.count(), 1));
  if (median_ == 0.0) {
    median_ = sample;
  } else if (sample > median_) {
    median_ = std::min(sample, median_ * (1.0 + kStep));
  } else {
    median_ = std::max(sample, median_ * (1.0 - kStep));
  }
}

bool leaves_room(Deadline deadline, TimePoint now, Duration median, const RetryOptions& options) {
  return deadline.left(now) >= std::max(median, options.min_left);
}

}  // namespace sluice::replicas
