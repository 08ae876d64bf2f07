// The threads of a context of llama.cpp. Include in .cc files only.
#pragma once

#include <llama.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "backends/llama/crowd.h"
#include "backends/llama/options.h"

namespace sluice::llama {

// The processors that this process may use, at least one.
std::vector<unsigned> usable_cores();
// What an option of 0 stands for, within the library's bound.
std::uint32_t threads_or_all(std::uint32_t threads);

struct FreeContext {
  void operator()(llama_context* context) const { llama_free(context); }
};
using ContextHandle = std::unique_ptr<llama_context, FreeContext>;

// Made by the thread that will compute, whose priority its threads inherit. They spin for the next
// piece of work for a while, and sleep from rest() on. It outlives the context. One thread.
//
// Where realtime has threads of its own, these are nailed to processors while there is a crowd: a
// thread that is woken would else land where best effort computes and wait for it to be moved away.
// Nailed ones cannot get out of the way of what delivers their tokens, which costs 6 % of the time
// per token where nobody else computes, so that then the kernel places them.
class ThreadPool {
 public:
  void start(llama_context* context, std::uint32_t threads, ContextRole role,
             std::shared_ptr<Crowd> crowd);
  ~ThreadPool();
  // Before each computation.
  void begin_step();
  void rest();

 private:
  struct Free {
    void operator()(ggml_threadpool* pool) const { ggml_threadpool_free(pool); }
  };
  using Pool = std::unique_ptr<ggml_threadpool, Free>;

  void use(ggml_threadpool* pool);

  llama_context* context_ = nullptr;
  ContextRole role_ = ContextRole::kBoth;
  std::shared_ptr<Crowd> crowd_;
  bool in_crowd_ = false;
  Pool free_;
  Pool nailed_;  // realtime's own only
  ggml_threadpool* used_ = nullptr;
};

}  // namespace sluice::llama
