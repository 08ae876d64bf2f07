#include "telemetry/job_metrics.h"

namespace sluice::telemetry {

std::string_view to_string(AttemptEnd end) {
  switch (end) {
    case AttemptEnd::kCompleted:
      return "completed";
    case AttemptEnd::kFailed:
      return "failed";
    case AttemptEnd::kOutage:
      return "outage";
    case AttemptEnd::kReleased:
      break;
  }
  return "released";
}

JobMetrics job_metrics(Metrics& metrics, std::string_view callable) {
  JobMetrics made;
  const FamilyOptions attempts{"sluice_job_attempts_total",
                               "Attempts to run a job, by how they ended.",
                               {"callable", "end"}};
  for (std::size_t i = 0; i < kAttemptEndCount; ++i) {
    made.attempts[i] = metrics.counter(attempts, {callable, to_string(static_cast<AttemptEnd>(i))});
  }
  made.run = metrics.durations(
      {"sluice_job_run_duration_seconds", "One attempt to run a job, in seconds.", {"callable"}},
      {callable});
  made.wait = metrics.durations({"sluice_job_wait_duration_seconds",
                                 "From a job's submission to its first attempt, in seconds.",
                                 {"callable"}},
                                {callable});
  made.lost = metrics.counter({"sluice_job_attempts_lost_total",
                               "Attempts that ended after their job had been taken from them.",
                               {"callable"}},
                              {callable});
  made.running = metrics.gauge(
      {"sluice_jobs_running", "Jobs that this process runs.", {"callable"}}, {callable});
  return made;
}

WebhookMetrics webhook_metrics(Metrics& metrics) {
  WebhookMetrics made;
  const FamilyOptions attempts{"sluice_webhook_attempts_total",
                               "Attempts to tell a webhook of a job's end, by how they ended.",
                               {"outcome"}};
  for (std::size_t i = 0; i < kWebhookOutcomes.size(); ++i) {
    made.ended[i] = metrics.counter(attempts, {kWebhookOutcomes[i]});
  }
  made.duration = metrics.durations(
      {"sluice_webhook_duration_seconds", "One request to a webhook, in seconds.", {}}, {});
  return made;
}

FamilyOptions jobs_pending_family() {
  return {"sluice_jobs_pending", "Jobs that wait in the store.", {"callable"}};
}
FamilyOptions jobs_processing_family() {
  return {"sluice_jobs_processing", "Jobs that are leased to a worker.", {"callable"}};
}

}  // namespace sluice::telemetry
