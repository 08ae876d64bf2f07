#include "backends/llama/thread_pool.h"

#include <sched.h>

#include <algorithm>

namespace sluice::llama {

std::vector<unsigned> usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<unsigned> found;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (unsigned i = 0; i < CPU_SETSIZE; ++i) {
      if (CPU_ISSET(i, &set)) found.push_back(i);
    }
  }
  if (found.empty()) found.push_back(0);
  return found;
}

std::uint32_t threads_or_all(std::uint32_t threads) {
  if (threads == 0) threads = static_cast<std::uint32_t>(usable_cores().size());
  return std::min<std::uint32_t>(threads, GGML_MAX_N_THREADS);
}

void ThreadPool::start(llama_context* context, std::uint32_t threads, bool pinned) {
  ggml_threadpool_params params = ggml_threadpool_params_default(static_cast<int>(threads));
  if (pinned) {
    params.strict_cpu = true;
    for (const unsigned core : usable_cores()) {
      if (core < GGML_MAX_N_THREADS) params.cpumask[core] = true;
    }
  }
  constexpr std::uint32_t kAlways = 100;
  constexpr std::uint32_t kSometimes = 50;
  params.poll = pinned ? kAlways : kSometimes;
  pool_.reset(ggml_threadpool_new(&params));
  llama_attach_threadpool(context, pool_.get(), pool_.get());
}

void ThreadPool::rest() {
  if (pool_) ggml_threadpool_pause(pool_.get());
}

void ThreadPool::wake() {
  if (pool_) ggml_threadpool_resume(pool_.get());
}

}  // namespace sluice::llama
