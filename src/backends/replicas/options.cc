#include "backends/replicas/options.h"

#include "config/fields.h"

namespace sluice::replicas {

void describe(config::Fields<EjectionOptions>& f) {
  f.about("ejection", "When a replica that fails is left out for a while.");
  f.field("enabled", &EjectionOptions::enabled, "Whether replicas are left out at all.");
  f.field("consecutive_failures", &EjectionOptions::consecutive_failures,
          "Failures in a row after which a replica is left out.")
      .range(1, 1000);
  f.field("failure_ratio", &EjectionOptions::failure_ratio,
          "Share of failed calls, as a moving average, at which a replica is left out.")
      .range(0.01, 1.0);
  f.field("base_time", &EjectionOptions::base_time,
          "How long a replica is left out the first time; doubles each time it fails again.")
      .range(std::chrono::milliseconds(10), std::chrono::hours(1));
  f.field("max_time", &EjectionOptions::max_time, "How long a replica is left out at most.")
      .range(std::chrono::milliseconds(10), std::chrono::hours(24));
  f.field("max_share", &EjectionOptions::max_share,
          "Share of the replicas that may be left out at a time, rounded up; never the last one.")
      .range(0.0, 1.0);
}

void describe(config::Fields<RetryOptions>& f) {
  f.about("retry", "When a call that failed is tried again, once, on another replica.");
  f.field("enabled", &RetryOptions::enabled, "Whether failed calls are tried again.");
  f.field("budget_ratio", &RetryOptions::budget_ratio, "Retries allowed for each request.")
      .range(0.0, 1.0);
  f.field("budget_per_second", &RetryOptions::budget_per_second,
          "Retries allowed per second besides, over all io threads.")
      .range(0.0, 1e6);
  f.field("min_left", &RetryOptions::min_left,
          "Time that must be left until the deadline; the median of past answers if that is more.")
      .range(Duration::zero(), std::chrono::minutes(1));
}

void validate(const EjectionOptions& o, config::Problems& p, const config::Node& at) {
  if (p.were_read(at, {"max_time", "base_time"}) && o.max_time < o.base_time) {
    p.add(at.near("max_time"), "must not be shorter than base_time");
  }
}

}  // namespace sluice::replicas
