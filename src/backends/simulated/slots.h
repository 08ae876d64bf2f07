// The right to run, for a bounded number of calls at once; first come, first served.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

#include "inference/callable.h"
#include "inference/queue_status.h"
#include "runtime/executor.h"

namespace sluice::simulated {

// Shared by the calls of one model. Any thread.
class Slots {
 public:
  // granted() comes on its home and once, unless it has left the queue.
  struct Waiter {
    virtual ~Waiter() = default;
    [[nodiscard]] virtual ServiceClass service_class() const = 0;
    virtual Executor& home() = 0;
    virtual void granted() = 0;
  };
  enum class Place : std::uint8_t { kGranted, kQueued, kFull };

  // `slots` 0: any number.
  Slots(std::size_t slots, std::size_t queue) : free_(slots), slots_(slots), room_(queue) {}

  // kGranted: at once, and granted() does not come.
  Place take(const std::shared_ptr<Waiter>& waiter) {
    const std::scoped_lock lock(mutex_);
    if (slots_ == 0) return Place::kGranted;
    if (free_ > 0) {
      --free_;
      return Place::kGranted;
    }
    if (waiting_.size() >= room_) return Place::kFull;
    waiting_.push_back(waiter);
    return Place::kQueued;
  }
  // False: it has been granted already, and must be given back.
  bool leave(const Waiter& waiter) {
    const std::scoped_lock lock(mutex_);
    return std::erase_if(waiting_, [&](const auto& other) { return other.get() == &waiter; }) != 0;
  }
  void give_back() {
    std::shared_ptr<Waiter> next;
    {
      const std::scoped_lock lock(mutex_);
      if (slots_ == 0) return;
      if (waiting_.empty()) {
        ++free_;
        return;
      }
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    Executor& home = next->home();
    home.post([next = std::move(next)] { next->granted(); });
  }

  [[nodiscard]] QueueStatus status() const {
    const std::scoped_lock lock(mutex_);
    QueueStatus status{.slots = slots_, .held = slots_ - free_, .depth = room_};
    for (const auto& waiter : waiting_) {
      const bool realtime = waiter->service_class() == ServiceClass::kRealtime;
      ++(realtime ? status.realtime_waiting : status.best_effort_waiting);
    }
    return status;
  }

 private:
  mutable std::mutex mutex_;
  std::size_t free_;
  const std::size_t slots_;
  const std::size_t room_;
  std::deque<std::shared_ptr<Waiter>> waiting_;
};

}  // namespace sluice::simulated
