#pragma once
// How fast a server computes, seen from outside: a number that only grows, and by whole steps of
// seconds each.

#include <cstdint>
#include <mutex>

#include "sample.h"

namespace bench {

// From the first growth that was seen to the last one: what a step that is under way at the
// beginning or at the end does of it cannot be known. Any thread.
class Computed {
 public:
  // How much there is by now.
  void stands_at(std::int64_t count) {
    const std::scoped_lock lock(mutex_);
    const auto now = Clock::now();
    if (counted_ && count > count_) {
      if (!grown_) {
        first_ = now;
        first_count_ = count;
        grown_ = true;
      }
      last_ = now;
    }
    counted_ = true;
    count_ = count;
  }
  void grows_by(std::int64_t count) {
    std::int64_t stood = 0;
    {
      const std::scoped_lock lock(mutex_);
      stood = count_;
      counted_ = true;
    }
    stands_at(stood + count);
  }
  // What was seen before does not count.
  void restart() {
    const std::scoped_lock lock(mutex_);
    grown_ = false;
  }
  std::int64_t count() const {
    const std::scoped_lock lock(mutex_);
    return grown_ ? count_ - first_count_ : 0;
  }
  double seconds() const {
    const std::scoped_lock lock(mutex_);
    return grown_ ? std::chrono::duration<double>(last_ - first_).count() : 0;
  }

 private:
  mutable std::mutex mutex_;
  bool counted_ = false;
  bool grown_ = false;
  std::int64_t count_ = 0;
  std::int64_t first_count_ = 0;
  Clock::time_point first_;
  Clock::time_point last_;
};

}  // namespace bench
