#include "runtime/timer_queue.h"

#include <algorithm>

namespace sluice {

TimerId TimerQueue::add(TimePoint at, Task task) {
  const TimerId id = ++last_;
  tasks_.emplace(id, std::move(task));
  heap_.push_back({at, id});
  std::push_heap(heap_.begin(), heap_.end());
  return id;
}

void TimerQueue::cancel(TimerId id) {
  if (tasks_.erase(id) == 0) return;
  if (heap_.size() > 64 && heap_.size() > 2 * tasks_.size()) {
    std::erase_if(heap_, [this](const Entry& e) { return !tasks_.contains(e.id); });
    std::make_heap(heap_.begin(), heap_.end());
  }
}

void TimerQueue::drop_cancelled() {
  while (!heap_.empty() && !tasks_.contains(heap_.front().id)) {
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
  }
}

std::optional<TimePoint> TimerQueue::next() {
  drop_cancelled();
  if (heap_.empty()) return std::nullopt;
  return heap_.front().at;
}

std::optional<Task> TimerQueue::take_due(TimePoint now) {
  drop_cancelled();
  if (heap_.empty() || heap_.front().at > now) return std::nullopt;
  auto node = tasks_.extract(heap_.front().id);
  std::pop_heap(heap_.begin(), heap_.end());
  heap_.pop_back();
  return std::move(node.mapped());
}

}  // namespace sluice
