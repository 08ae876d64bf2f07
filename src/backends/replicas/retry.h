// Whether a call that failed may be tried again: pure policies.
#pragma once

#include <algorithm>
#include <cstddef>

#include "backends/replicas/options.h"
#include "base/time.h"

namespace sluice::replicas {

// Tokens that retries cost and requests earn, so that retries never multiply the load on servers
// that are failing because of it (Finagle's RetryBudget). One owner, one thread.
class RetryBudget {
 public:
  // A share of `per_second` may be small where many threads have one each: the first retry is there
  // all the same.
  RetryBudget(double ratio, double per_second)
      : ratio_(ratio),
        per_second_(per_second),
        tokens_(per_second > 0 ? std::max({per_second, ratio, 1.0}) : ratio) {}
  // That of one of so many threads.
  RetryBudget(const RetryOptions& options, std::size_t threads)
      : RetryBudget(options.budget_ratio,
                    options.budget_per_second / static_cast<double>(threads)) {}

  void on_request() { add(ratio_); }
  // True, and one token less, when there is one.
  bool take(TimePoint now);

 private:
  void add(double tokens) { tokens_ = std::min(tokens_ + tokens, most()); }
  // What ten seconds give, but one retry must always be possible to save up for.
  [[nodiscard]] double most() const { return std::max(10.0 * per_second_, 10.0); }

  const double ratio_;
  const double per_second_;
  double tokens_;
  TimePoint last_{};
};

// The median of a stream of durations in constant space: a step towards each value, in proportion
// (after "Frugal Streaming for Estimating Quantiles", Ma, Muthukrishnan and Sandler, 2013). Zero
// until the first value. One owner, one thread.
class MedianEstimate {
 public:
  void add(Duration value);
  [[nodiscard]] Duration value() const { return Duration(static_cast<Duration::rep>(median_)); }

 private:
  double median_ = 0.0;  // ns
};

// Is there time for another attempt to succeed?
bool leaves_room(Deadline deadline, TimePoint now, Duration median, const RetryOptions& options);

}  // namespace sluice::replicas
