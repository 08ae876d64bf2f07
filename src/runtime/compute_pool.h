// Threads for work that is too long for an io thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/function.h"
#include "runtime/handover.h"
#include "runtime/semaphore.h"

namespace sluice {

// A fixed number of threads over one bounded queue, first in first out. Safe from any thread, and
// submit() never waits for one of the pool's. The destructor runs what is queued, then joins.
class ComputePool {
 public:
  struct Options {
    std::size_t threads = 1;
    std::size_t queue_limit = 1024;  // tasks waiting, not counting those that run
    // They run only where nobody else wants to (thread_class.h), as far as the machine allows it.
    bool when_idle = false;
  };
  explicit ComputePool(Options options);
  ~ComputePool();
  ComputePool(const ComputePool&) = delete;
  ComputePool& operator=(const ComputePool&) = delete;

  // False, with the task unused, when the queue is full.
  [[nodiscard]] bool submit(Task& task);
  [[nodiscard]] std::size_t waiting() const;
  [[nodiscard]] std::size_t threads() const { return threads_.size(); }

 private:
  void work();
  Task next();  // none: there is nothing left

  const std::size_t queue_limit_;
  std::atomic<std::size_t> waiting_ = 0;
  Handover<Task> came_;
  Semaphore wake_;          // a post for each task, and one for each thread at the end
  std::mutex mutex_;        // among the pool's own threads
  std::deque<Task> queue_;  // taken from came_; guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace sluice
