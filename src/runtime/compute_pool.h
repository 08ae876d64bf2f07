// Threads for work that is too long for an io thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "base/function.h"
#include "runtime/handover.h"
#include "runtime/semaphore.h"

namespace sluice {

// A fixed number of threads over one bounded queue, first in first out. Safe from any thread, and
// neither submit() nor leave() waits for one of the pool's. The destructor runs what is queued,
// then joins.
class ComputePool {
 public:
  // What a task has in the queue, and can give back while it waits. Of one task, which keeps it
  // alive.
  class Place {
   private:
    friend class ComputePool;
    enum class State : std::uint8_t { kNowhere, kWaiting, kLeft, kRuns };
    std::atomic<State> state_ = State::kNowhere;
  };
  struct Options {
    std::size_t threads = 1;
    std::size_t queue_limit = 1024;  // tasks waiting, not counting those that run
    // They run only where nobody else wants to (thread_class.h), as far as the machine allows it.
    bool when_idle = false;
    std::string_view name = "sluice-run";  // the threads are called by it and their number
  };
  explicit ComputePool(Options options);
  ~ComputePool();
  ComputePool(const ComputePool&) = delete;
  ComputePool& operator=(const ComputePool&) = delete;

  // False, with the task unused, when the queue is full. `place`: null where it will not leave.
  [[nodiscard]] bool submit(Task& task, Place* place = nullptr);
  // Makes room for another at once: the task is never run, only destroyed, on some thread and some
  // time later. False: it does not wait there (any more).
  bool leave(Place& place);
  [[nodiscard]] std::size_t waiting() const;
  [[nodiscard]] std::size_t threads() const { return threads_.size(); }

 private:
  struct Entry {
    Task task;
    Place* place;
    // Of who pops it: whether it is to run.
    [[nodiscard]] bool starts() const;
  };
  void work();
  Task next();  // none: there is nothing left
  bool room_for_left();
  bool sweep();           // false: somebody else is at the queue
  void take_what_came();  // mutex_ held

  const std::size_t queue_limit_;
  std::atomic<std::size_t> waiting_ = 0;
  std::atomic<std::size_t> left_ = 0;  // that are in the queue still
  std::atomic<bool> ending_ = false;
  Handover<Entry> came_;
  Semaphore wake_;           // a post for each task at least, and one for each thread at the end
  std::mutex mutex_;         // the pool's own threads wait for it, others only try
  std::deque<Entry> queue_;  // taken from came_; guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace sluice
