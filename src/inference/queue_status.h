// How full the queue before a callable is.
#pragma once

#include <cstddef>

namespace sluice {

struct QueueStatus {
  std::size_t realtime_waiting = 0;
  std::size_t best_effort_waiting = 0;
  std::size_t slots = 0;  // 0: not bounded
  std::size_t held = 0;   // of them, by calls that run
  std::size_t depth = 0;  // the most that may wait
  [[nodiscard]] bool accepting() const {
    return realtime_waiting + best_effort_waiting < depth || slots == 0 || held < slots;
  }
};

// A capability of callables that have slots, found by dynamic_cast. Any thread.
class Queued {
 public:
  [[nodiscard]] virtual QueueStatus queue_status() const = 0;

 protected:
  ~Queued() = default;
};

}  // namespace sluice
