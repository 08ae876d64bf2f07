// An executor without a thread, for tests and simulation: it moves only when told to.
#pragma once

#include <deque>

#include "runtime/executor.h"
#include "runtime/timer_queue.h"

namespace sluice {

// One thread: the test's. Time starts at the clock's and goes on by advance() only.
class ManualExecutor final : public Executor {
 public:
  void post(Task task) override { tasks_.push_back(std::move(task)); }
  [[nodiscard]] TimePoint now() const override { return now_; }
  TimerId run_at(TimePoint at, Task task) override { return timers_.add(at, std::move(task)); }
  void cancel(TimerId timer) override { timers_.cancel(timer); }
  [[nodiscard]] bool is_current() const override { return true; }

  // Runs what is posted, and what that posts, until nothing is left.
  void run_ready() {
    while (!tasks_.empty()) {
      Task task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
  }
  // Moves time, stopping at each timer on the way.
  void advance(Duration by) {
    const TimePoint end = now_ + by;
    run_ready();
    while (auto at = timers_.next()) {
      if (*at > end) break;
      now_ = std::max(now_, *at);
      if (auto task = timers_.take_due(now_)) (*task)();
      run_ready();
    }
    now_ = end;
  }
  [[nodiscard]] std::size_t pending_timers() const { return timers_.size(); }

 private:
  TimePoint now_ = ManualClock().now();
  std::deque<Task> tasks_;
  TimerQueue timers_;
};

}  // namespace sluice
