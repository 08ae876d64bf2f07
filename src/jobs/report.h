// Tells metrics and log what a worker does.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "jobs/consumer.h"
#include "telemetry/job_metrics.h"
#include "telemetry/log.h"

namespace sluice::jobs {

// Of one consumer, on its home thread. Both references outlive it.
class Report final : public ConsumerObserver {
 public:
  Report(telemetry::Metrics& metrics, telemetry::Log& log) : metrics_(metrics), log_(log) {}

  void on_begin(const Job& job, WallTime now) override;
  void on_attempt(const Job& job, const Outcome& outcome, Duration took,
                  const RunOutput* output) override;
  void on_finished(const Job& job, const Result<Job>& after) override;

 private:
  telemetry::JobMetrics& of(const std::string& callable);

  telemetry::Metrics& metrics_;
  telemetry::Log& log_;
  std::map<std::string, telemetry::JobMetrics, std::less<>> by_callable_;
};

}  // namespace sluice::jobs
