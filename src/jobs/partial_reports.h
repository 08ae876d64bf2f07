// Tells the store what there is of a running job's output.
#pragma once

#include <memory>

#include "base/time.h"
#include "jobs/runner.h"
#include "jobs/store.h"
#include "runtime/executor.h"

namespace sluice::jobs {

// Between two reports of one job, and before its first: most jobs have ended by then.
inline constexpr Duration kReportEvery = std::chrono::milliseconds(500);

// Of one attempt, as programs that lease jobs report (POST /v1/leases/JOB/progress): fenced by the
// attempt, one report on its way at a time. When it goes, nothing more is told. On the home thread;
// the store outlives it.
class PartialReports : public std::enable_shared_from_this<PartialReports> {
 public:
  PartialReports(Store& store, Executor& home, Ticket ticket, std::unique_ptr<PartialOutput> output)
      : store_(store),
        home_(home),
        ticket_(std::move(ticket)),
        output_(std::move(output)),
        next_(home.now() + kReportEvery) {}
  ~PartialReports() { home_.cancel(timer_); }
  PartialReports(const PartialReports&) = delete;
  PartialReports& operator=(const PartialReports&) = delete;

  void add(const Part& part);

 private:
  void arm();
  void tell();
  void told(const Result<>& result);

  Store& store_;
  Executor& home_;
  const Ticket ticket_;
  const std::unique_ptr<PartialOutput> output_;
  TimePoint next_;        // not before
  TimerId timer_ = 0;     // of the next report; 0: none is due
  bool untold_ = false;   // something came since the last report
  bool telling_ = false;  // a report is on its way
  bool over_ = false;     // the attempt is ours no more
};

}  // namespace sluice::jobs
