// Where work runs: a thread that takes tasks and keeps timers. The rest of the house sees only
// this.
#pragma once

#include <cstdint>

#include "base/function.h"
#include "base/time.h"

namespace sluice {

// Names one timer of one executor; 0 is none. Never used twice.
using TimerId = std::uint64_t;

// A serial place: tasks posted to it run one after the other, never two at once, in the order of
// posting. It outlives whoever holds a pointer to it.
class Executor {
 public:
  virtual ~Executor() = default;

  // From any thread. Never runs the task before it returns.
  virtual void post(Task task) = 0;
  // From any thread; within one turn of the executor it may stand still.
  [[nodiscard]] virtual TimePoint now() const = 0;
  // Both from the executor's own thread only. The task runs at `at` or later; one that has run or
  // been cancelled is forgotten. Cancelling what is gone does nothing.
  virtual TimerId run_at(TimePoint at, Task task) = 0;
  virtual void cancel(TimerId timer) = 0;
  // Is this the thread on which its tasks run?
  [[nodiscard]] virtual bool is_current() const = 0;
};

}  // namespace sluice
