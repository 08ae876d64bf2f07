// The io threads of the process: one event loop each.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "runtime/event_loop.h"

namespace sluice {

// The processors that this process may use, by its affinity mask; at least one.
std::size_t usable_processors();

// Made and stopped by its owner on one thread; loop(i) and any() from any thread.
class IoThreads {
 public:
  // Threads are called by `name` and their number.
  explicit IoThreads(std::size_t count, std::string_view name = "sluice-io");
  ~IoThreads();  // stops and joins
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  void stop();
  [[nodiscard]] std::size_t size() const { return loops_.size(); }
  EventLoop& loop(std::size_t index) { return *loops_[index]; }
  // One of them, in turn: a home for a call that comes from elsewhere.
  EventLoop& any() { return *loops_[next_.fetch_add(1, std::memory_order_relaxed) % size()]; }
  // Runs the function on every loop's thread, and returns when all have. Not from a loop.
  template <class F>
  void on_each(F f) {
    for (std::size_t i = 0; i < size(); ++i) {
      std::atomic<bool> done = false;
      loops_[i]->post([&] {
        f(i, *loops_[i]);
        done.store(true);
        done.notify_one();
      });
      done.wait(false);
    }
  }

 private:
  std::vector<std::unique_ptr<EventLoop>> loops_;
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> next_ = 0;
};

}  // namespace sluice
