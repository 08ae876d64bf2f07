// How full the queue before a callable is.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/time.h"
#include "inference/callable.h"

namespace sluice {

struct QueueStatus {
  // A call that runs.
  struct Held {
    std::string holder;  // its request id
    ServiceClass service_class = ServiceClass::kRealtime;
    Duration age{};
    bool overdue = false;  // for so long that the slot may be lost
  };
  std::size_t realtime_waiting = 0;
  std::size_t best_effort_waiting = 0;
  std::size_t slots = 0;  // 0: not bounded
  std::size_t held = 0;   // of them
  std::size_t depth = 0;  // the most that may wait
  bool accepting = true;
  std::vector<Held> holders;  // the oldest first; empty where they are not known
};

// A capability of callables that have slots, found by find_capability(). Any thread.
class Queued {
 public:
  [[nodiscard]] virtual QueueStatus queue_status() const = 0;

 protected:
  ~Queued() = default;
};

}  // namespace sluice
