// Timers in the order in which they are due: a pure structure with neither thread nor clock.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "base/function.h"
#include "base/time.h"
#include "runtime/executor.h"

namespace sluice {

// A binary heap with lazy removal: add O(log n), cancel O(1), and cancelled entries are swept when
// they are more than half. One owner, one thread.
class TimerQueue {
 public:
  TimerId add(TimePoint at, Task task);
  void cancel(TimerId id);
  // When the earliest live timer is due.
  std::optional<TimePoint> next();
  // The earliest task due at `now`, taken out; none when nothing is due.
  std::optional<Task> take_due(TimePoint now);
  [[nodiscard]] std::size_t size() const { return tasks_.size(); }

 private:
  struct Entry {
    TimePoint at;
    TimerId id;
    // std::*_heap keeps the largest first: later counts as smaller. Equal times run in order of id.
    bool operator<(const Entry& other) const {
      return at != other.at ? at > other.at : id > other.id;
    }
  };
  void drop_cancelled();

  std::vector<Entry> heap_;
  std::unordered_map<TimerId, Task> tasks_;
  TimerId last_ = 0;
};

}  // namespace sluice
