// Whether best effort computes in this process right now.
#pragma once

#include <atomic>

namespace sluice::llama {

// Engines of best effort come to it and leave it; those of realtime look before each step whether
// they have the processors to themselves. Any thread.
class Crowd {
 public:
  void come() { there_.fetch_add(1, std::memory_order_relaxed); }
  void leave() { there_.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] bool is_there() const { return there_.load(std::memory_order_relaxed) != 0; }

 private:
  std::atomic<int> there_ = 0;
};

}  // namespace sluice::llama
