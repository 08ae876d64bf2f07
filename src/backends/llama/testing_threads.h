// The threads of the process under test, as the kernel sees them; no part of the product.
#pragma once

#include <sched.h>

#include <filesystem>
#include <string>

namespace sluice::llama::testing {

// How many give way to everybody: SCHED_IDLE.
inline int idle_threads() {
  int count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    count += sched_getscheduler(std::stoi(task.path().filename())) == SCHED_IDLE ? 1 : 0;
  }
  return count;
}

}  // namespace sluice::llama::testing
