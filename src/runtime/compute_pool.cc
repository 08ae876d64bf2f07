#include "runtime/compute_pool.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/format.h"
#include "base/thread_name.h"
#include "runtime/thread_class.h"

namespace sluice {

ComputePool::ComputePool(Options options) : queue_limit_(options.queue_limit) {
  threads_.reserve(options.threads);
  for (std::size_t i = 0; i < std::max<std::size_t>(options.threads, 1); ++i) {
    threads_.emplace_back(
        [this, when_idle = options.when_idle, name = formatted("{}-{}", options.name, i)] {
          name_this_thread(name);
          if (when_idle) run_when_idle();
          work();
        });
  }
}

ComputePool::~ComputePool() {
  ending_.store(true);
  for (std::size_t i = 0; i < threads_.size(); ++i) wake_.post();
  for (std::thread& thread : threads_) thread.join();
}

bool ComputePool::submit(Task& task, Place* place) {
  if (waiting_.fetch_add(1, std::memory_order_relaxed) >= queue_limit_ || !room_for_left()) {
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  if (place != nullptr) place->state_.store(Place::State::kWaiting);
  came_.give({std::move(task), place});
  wake_.post();
  return true;
}

bool ComputePool::leave(Place& place) {
  left_.fetch_add(1, std::memory_order_relaxed);  // first: a thread may come by it at once
  auto expected = Place::State::kWaiting;
  if (!place.state_.compare_exchange_strong(expected, Place::State::kLeft)) {
    left_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  return true;
}

bool ComputePool::Entry::starts() const {
  auto expected = Place::State::kWaiting;
  return place == nullptr || place->state_.compare_exchange_strong(expected, Place::State::kRuns);
}

// What left is kept until somebody comes by. Where all of the pool's threads are at work that is
// who brings another task. One of them may be at the queue, and off its processor: then nobody
// waits for it, and more is kept, up to twice as much.
bool ComputePool::room_for_left() {
  const std::size_t left = left_.load(std::memory_order_relaxed);
  return left < queue_limit_ || sweep() || left < 2 * queue_limit_;
}

bool ComputePool::sweep() {
  std::vector<Entry> swept;  // they go without the lock: a task may be the last to hold a model
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return false;
  take_what_came();
  const auto gone = std::ranges::stable_partition(queue_, [](const Entry& entry) {
    return entry.place == nullptr || entry.place->state_.load() != Place::State::kLeft;
  });
  std::ranges::move(gone, std::back_inserter(swept));
  queue_.erase(gone.begin(), gone.end());
  left_.fetch_sub(swept.size(), std::memory_order_relaxed);
  for (std::size_t i = 0; i < swept.size() && wake_.try_wait(); ++i) {
  }
  return true;
}

void ComputePool::take_what_came() {
  for (Entry& entry : came_.take()) queue_.push_back(std::move(entry));
}

std::size_t ComputePool::waiting() const {
  return std::min(waiting_.load(std::memory_order_relaxed), queue_limit_);
}

Task ComputePool::next() {
  std::vector<Entry> left;  // they go without the lock, as in sweep()
  const std::scoped_lock lock(mutex_);
  while (true) {
    if (queue_.empty()) take_what_came();
    if (queue_.empty()) return nullptr;
    Entry entry = std::move(queue_.front());
    queue_.pop_front();
    if (entry.starts()) {
      waiting_.fetch_sub(1, std::memory_order_relaxed);
      return std::move(entry.task);
    }
    left_.fetch_sub(1, std::memory_order_relaxed);
    left.push_back(std::move(entry));
  }
}

void ComputePool::work() {
  while (true) {
    wake_.wait();
    if (Task task = next()) {
      task();
    } else if (ending_.load()) {
      return;
    }
  }
}

}  // namespace sluice
