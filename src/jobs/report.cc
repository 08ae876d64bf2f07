#include "jobs/report.h"

namespace sluice::jobs {

using telemetry::AttemptEnd;

telemetry::JobMetrics& Report::of(const std::string& callable) {
  const auto it = by_callable_.find(callable);
  if (it != by_callable_.end()) return it->second;
  return by_callable_.emplace(callable, telemetry::job_metrics(metrics_, callable)).first->second;
}

void Report::on_begin(const Job& job, WallTime now) {
  telemetry::JobMetrics& metrics = of(job.callable);
  metrics.running.add();
  if (job.attempt == 1) metrics.wait.record(now - job.created);
}

void Report::on_attempt(const Job& job, const Outcome& outcome, Duration took,
                        const RunOutput* output) {
  telemetry::JobMetrics& metrics = of(job.callable);
  metrics.running.subtract();
  metrics.run.record(took);
  if (std::holds_alternative<Completed>(outcome)) {
    metrics.ended(AttemptEnd::kCompleted);
    const bool summed_up = output != nullptr && !output->summary.empty();
    log_.info("worker", output != nullptr ? output->action : "job_completed",
              {{"job_id", job.id},
               {"callable", job.callable},
               {"attempt", job.attempt},
               {"duration_ms", took},
               {summed_up ? "result" : "", summed_up ? output->summary : std::string()}});
  } else if (const auto* failed = std::get_if<Failed>(&outcome)) {
    metrics.ended(AttemptEnd::kFailed);
    log_.warn("worker", "job_failed",
              {{"job_id", job.id},
               {"callable", job.callable},
               {"attempt", job.attempt},
               {"duration_ms", took},
               {"code", to_string(failed->error.code)},
               {"error", failed->error.message}});
  } else {
    const bool outage = std::get<Requeued>(outcome).cause == Cause::kOutage;
    metrics.ended(outage ? AttemptEnd::kOutage : AttemptEnd::kReleased);
    log_.info("worker", outage ? "backend_away" : "job_released",
              {{"job_id", job.id}, {"callable", job.callable}, {"attempt", job.attempt}});
  }
}

void Report::on_finished(const Job& job, const Result<Job>& after) {
  if (after) return;
  of(job.callable).lost.add();
  log_.warn("worker", "attempt_lost",
            {{"job_id", job.id}, {"attempt", job.attempt}, {"error", after.error().message}});
}

}  // namespace sluice::jobs
