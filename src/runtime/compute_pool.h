// Threads for work that is too long for an io thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/function.h"

namespace sluice {

// A fixed number of threads over one bounded queue, first in first out. Safe from any thread. The
// destructor runs what is queued, then joins.
class ComputePool {
 public:
  struct Options {
    std::size_t threads = 1;
    std::size_t queue_limit = 1024;  // tasks waiting, not counting those that run
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

  const std::size_t queue_limit_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sluice
