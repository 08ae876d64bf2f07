#include "runtime/compute_pool.h"

#include <algorithm>
#include <utility>

#include "runtime/thread_class.h"

namespace sluice {

ComputePool::ComputePool(Options options) : queue_limit_(options.queue_limit) {
  threads_.reserve(options.threads);
  for (std::size_t i = 0; i < std::max<std::size_t>(options.threads, 1); ++i) {
    threads_.emplace_back([this, when_idle = options.when_idle] {
      if (when_idle) run_when_idle();
      work();
    });
  }
}

ComputePool::~ComputePool() {
  for (std::size_t i = 0; i < threads_.size(); ++i) wake_.post();
  for (std::thread& thread : threads_) thread.join();
}

bool ComputePool::submit(Task& task) {
  if (waiting_.fetch_add(1, std::memory_order_relaxed) >= queue_limit_) {
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  came_.give(std::move(task));
  wake_.post();
  return true;
}

std::size_t ComputePool::waiting() const {
  return std::min(waiting_.load(std::memory_order_relaxed), queue_limit_);
}

Task ComputePool::next() {
  const std::scoped_lock lock(mutex_);
  if (queue_.empty()) {
    for (Task& task : came_.take()) queue_.push_back(std::move(task));
  }
  if (queue_.empty()) return nullptr;
  Task task = std::move(queue_.front());
  queue_.pop_front();
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  return task;
}

void ComputePool::work() {
  while (true) {
    wake_.wait();
    Task task = next();
    if (task == nullptr) return;
    task();
  }
}

}  // namespace sluice
