// The threads of a context of llama.cpp. Include in .cc files only.
#pragma once

#include <llama.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace sluice::llama {

// The processors that this process may use, at least one.
std::vector<unsigned> usable_cores();
// What an option of 0 stands for, within the library's bound.
std::uint32_t threads_or_all(std::uint32_t threads);

struct FreeContext {
  void operator()(llama_context* context) const { llama_free(context); }
};
using ContextHandle = std::unique_ptr<llama_context, FreeContext>;

// Made by the thread that will compute, whose priority its threads inherit. Pinned, each has a core
// of its own and spins while there is work; in both cases they sleep from rest() to wake(). It
// outlives the context. One thread.
class ThreadPool {
 public:
  void start(llama_context* context, std::uint32_t threads, bool pinned);
  void rest();
  void wake();

 private:
  struct Free {
    void operator()(ggml_threadpool* pool) const { ggml_threadpool_free(pool); }
  };
  std::unique_ptr<ggml_threadpool, Free> pool_;
};

}  // namespace sluice::llama
