// The numbers of jobs, by callable: every name and label in this one place.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "telemetry/metrics.h"

namespace sluice::telemetry {

// How one attempt to run a job ended.
enum class AttemptEnd : std::uint8_t { kCompleted, kFailed, kOutage, kReleased };
inline constexpr std::size_t kAttemptEndCount = 4;
std::string_view to_string(AttemptEnd end);  // "completed", ...

struct JobMetrics {
  std::array<Counter, kAttemptEndCount> attempts;
  DurationHistogram run;   // of one attempt
  DurationHistogram wait;  // from the submission to the first attempt
  Counter lost;            // attempts that ended after the job had been taken away
  Gauge running;           // in this process

  void ended(AttemptEnd end) const { attempts[static_cast<std::size_t>(end)].add(); }
};
JobMetrics job_metrics(Metrics& metrics, std::string_view callable);

// Attempts to tell a webhook of a job's end, by how they ended.
inline constexpr std::array<std::string_view, 5> kWebhookOutcomes = {"delivered", "failed",
                                                                     "gave_up", "gone", "refused"};
struct WebhookMetrics {
  std::array<Counter, kWebhookOutcomes.size()> ended;
  DurationHistogram duration;  // of a request
};
WebhookMetrics webhook_metrics(Metrics& metrics);

// What waits and what runs, over all processes that share the store.
FamilyOptions jobs_pending_family();
FamilyOptions jobs_processing_family();

}  // namespace sluice::telemetry
