#include "runtime/io_threads.h"

#include <sched.h>

#include <algorithm>

#include "base/format.h"
#include "base/thread_name.h"

namespace sluice {

std::size_t usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    return static_cast<std::size_t>(std::max(CPU_COUNT(&set), 1));
  }
  return std::max(std::thread::hardware_concurrency(), 1U);
}

IoThreads::IoThreads(std::size_t count, std::string_view name) {
  for (std::size_t i = 0; i < std::max<std::size_t>(count, 1); ++i) {
    loops_.push_back(std::make_unique<EventLoop>());
  }
  for (auto& loop : loops_) {
    threads_.emplace_back([&loop = *loop, name = formatted("{}-{}", name, threads_.size())] {
      name_this_thread(name);
      loop.run();
    });
  }
}

IoThreads::~IoThreads() {
  stop();
}

void IoThreads::stop() {
  for (auto& loop : loops_) loop->stop();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace sluice
