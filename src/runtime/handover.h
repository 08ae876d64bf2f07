// Hands values from many threads to one, without a lock.
#pragma once

#include <atomic>
#include <utility>
#include <vector>

namespace sluice {

// Who gives is never held up by another thread that gives or takes, and neither is who takes: a
// thread that may be off its processor for long (SCHED_IDLE, runtime/thread_class.h) would
// otherwise stop those that people wait for, with a lock in its hands. A stack of nodes that is
// taken as a whole (Treiber, 1986), so that no node is looked at by two threads.
template <class T>
class Handover {
 public:
  Handover() = default;
  ~Handover() { take(); }
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  // From any thread.
  void give(T value) {
    auto* node = new Node{std::move(value), top_.load(std::memory_order_relaxed)};
    while (!top_.compare_exchange_weak(node->next, node, std::memory_order_seq_cst,
                                       std::memory_order_relaxed)) {
    }
  }
  // All that was given so far, the oldest first; what two threads take at once is divided somehow.
  std::vector<T> take() {
    Node* newest = top_.exchange(nullptr, std::memory_order_seq_cst);
    Node* oldest = nullptr;
    while (newest != nullptr) {
      Node* before = std::exchange(newest->next, oldest);
      oldest = std::exchange(newest, before);
    }
    std::vector<T> all;
    while (oldest != nullptr) {
      all.push_back(std::move(oldest->value));
      delete std::exchange(oldest, oldest->next);
    }
    return all;
  }
  // From any thread; of this moment.
  [[nodiscard]] bool empty() const { return top_.load(std::memory_order_seq_cst) == nullptr; }

 private:
  struct Node {
    T value;
    Node* next;
  };
  std::atomic<Node*> top_ = nullptr;
};

}  // namespace sluice
