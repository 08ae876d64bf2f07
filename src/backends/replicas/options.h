// What can be said about several servers that answer the same.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "config/describe.h"

namespace sluice::replicas {

// When a replica that fails is left out for a while. The rules are those of Envoy's outlier
// detection and of Finagle's failure accrual; the numbers suit a handful of replicas.
struct EjectionOptions {
  bool enabled = true;
  std::uint32_t consecutive_failures = 5;  // this many in a row
  double failure_ratio = 0.5;              // or this share of failures, as a moving average
  Duration base_time = std::chrono::seconds(1);
  Duration max_time = std::chrono::seconds(30);
  double max_share = 0.5;  // of the replicas, rounded up; the last one is never left out
};

// When a call that failed is tried again, once, on another replica.
struct RetryOptions {
  bool enabled = true;
  double budget_ratio = 0.2;        // retries for each request, at most
  double budget_per_second = 10.0;  // and this many besides, over all io threads
  Duration min_left = std::chrono::milliseconds(1);
};

void describe(config::Fields<EjectionOptions>& f);
void describe(config::Fields<RetryOptions>& f);
void validate(const EjectionOptions& o, config::Problems& p, const config::Node& at);

}  // namespace sluice::replicas
