// Shows how long the queues are.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "jobs/store.h"
#include "runtime/executor.h"
#include "telemetry/metrics.h"

namespace sluice::jobs {

// Asks the store once a second, on its home thread: all of it belongs there but the constructor.
// Everything outlives it; it goes after stop(), when the store answers nobody any more.
class QueueGauges {
 public:
  QueueGauges(Executor& home, Store& store, telemetry::Metrics& metrics)
      : home_(home), store_(store), metrics_(metrics) {}

  // Of these callables, from now on; again after a reload.
  void show(const std::vector<std::string>& callables);
  void stop();

 private:
  struct Levels {
    telemetry::Level pending;
    telemetry::Level processing;
  };
  Levels& of(const std::string& callable);
  void ask();

  Executor& home_;
  Store& store_;
  telemetry::Metrics& metrics_;
  std::map<std::string, Levels, std::less<>> levels_;
  TimerId timer_ = 0;
  bool stopped_ = false;
};

}  // namespace sluice::jobs
