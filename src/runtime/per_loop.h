// What each io thread has for itself, so that calls share nothing and take no lock.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/executor.h"
#include "runtime/io_threads.h"

namespace sluice {

// One T for each io thread, used on that thread only, whose member `loop` is the thread's. Made and
// destroyed on any thread; what is in it goes to its own thread to be destroyed, so `io` must be
// running then.
template <class T>
class PerLoop {
 public:
  // `make(EventLoop&)` gives a std::shared_ptr<T>, here and now.
  template <class Make>
  PerLoop(IoThreads& io, Make make) : io_(io) {
    each_.reserve(io.size());
    for (std::size_t i = 0; i < io.size(); ++i) each_.push_back(make(io.loop(i)));
  }
  ~PerLoop() {
    for (std::shared_ptr<T>& one : each_) {
      EventLoop& loop = one->loop;
      loop.post([last = std::move(one)] {});
    }
  }
  PerLoop(const PerLoop&) = delete;
  PerLoop& operator=(const PerLoop&) = delete;

  // That of this executor, or one of them in turn where it is no io thread. Any thread.
  [[nodiscard]] std::shared_ptr<T> at(const Executor* home) const {
    if (const auto found = find(home); found != each_.end()) return *found;
    return *find(&io_.any());
  }

 private:
  [[nodiscard]] auto find(const Executor* home) const {
    return std::ranges::find_if(each_, [home](const auto& one) { return &one->loop == home; });
  }

  IoThreads& io_;
  std::vector<std::shared_ptr<T>> each_;
};

}  // namespace sluice
