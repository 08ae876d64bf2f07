#include "jobs/queue_gauges.h"

#include "telemetry/job_metrics.h"

namespace sluice::jobs {

namespace {
constexpr std::chrono::seconds kEvery{1};
}

QueueGauges::Levels& QueueGauges::of(const std::string& callable) {
  const auto it = levels_.find(callable);
  if (it != levels_.end()) return it->second;
  return levels_
      .emplace(callable, Levels{metrics_.level(telemetry::jobs_pending_family(), {callable}),
                                metrics_.level(telemetry::jobs_processing_family(), {callable})})
      .first->second;
}

void QueueGauges::show(const std::vector<std::string>& callables) {
  for (const std::string& callable : callables) {
    of(callable);
    telemetry::job_metrics(metrics_, callable);
  }
  if (timer_ == 0 && !stopped_) ask();
}

void QueueGauges::stop() {
  stopped_ = true;
  home_.cancel(timer_);
}

void QueueGauges::ask() {
  timer_ = home_.run_at(home_.now() + kEvery, [this] { ask(); });
  store_.counts(home_, [this](const Result<std::vector<QueueCounts>>& counts) {
    if (!counts || stopped_) return;  // the last numbers stand until there are others
    for (const QueueCounts& queue : *counts) {
      Levels& levels = of(queue.callable);
      levels.pending.set(static_cast<double>(queue.pending));
      levels.processing.set(static_cast<double>(queue.processing));
    }
  });
}

}  // namespace sluice::jobs
