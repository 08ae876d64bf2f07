// Where work runs: a thread that takes tasks and keeps timers. The rest of the house sees only
// this.
#pragma once

#include <cstdint>
#include <utility>

#include "base/function.h"
#include "base/time.h"

namespace sluice {

// Names one timer of one executor; 0 is none. Never used twice.
using TimerId = std::uint64_t;

// A serial place: tasks posted to it run one after the other, never two at once, in the order of
// posting. It outlives the calls that are at home there, and whoever holds a Stay.
class Executor {
 public:
  class Stay;
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

 private:
  // From any thread. An executor that lasts as long as the process need not count.
  virtual void begin_stay() {}
  virtual void end_stay() {}
};

// Held by what may still post when its call has been answered already, such as a run that is told
// to stop: an executor can end before the process does, and waits for it. Made while a call is
// there; given back on any thread.
class Executor::Stay {
 public:
  explicit Stay(Executor& executor) : executor_(&executor) { executor_->begin_stay(); }
  Stay(Stay&& other) noexcept : executor_(std::exchange(other.executor_, nullptr)) {}
  Stay& operator=(Stay&&) = delete;
  ~Stay() {
    if (executor_ != nullptr) executor_->end_stay();
  }

 private:
  Executor* executor_;
};

}  // namespace sluice
