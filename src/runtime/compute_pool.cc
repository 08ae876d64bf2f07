#include "runtime/compute_pool.h"

#include <algorithm>

namespace sluice {

ComputePool::ComputePool(Options options) : queue_limit_(options.queue_limit) {
  threads_.reserve(options.threads);
  for (std::size_t i = 0; i < std::max<std::size_t>(options.threads, 1); ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

ComputePool::~ComputePool() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool ComputePool::submit(Task& task) {
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_ || queue_.size() >= queue_limit_) return false;
    queue_.push_back(std::move(task));
  }
  wake_.notify_one();
  return true;
}

std::size_t ComputePool::waiting() const {
  const std::scoped_lock lock(mutex_);
  return queue_.size();
}

void ComputePool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Task task = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    task();
    task = nullptr;  // what it held goes before the lock is taken again
    lock.lock();
  }
}

}  // namespace sluice
