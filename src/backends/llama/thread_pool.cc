#include "backends/llama/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <utility>

namespace sluice::llama {

namespace {

// How long threads spin, in hundredths of what the library has for the most.
constexpr std::uint32_t kAlways = 100;
constexpr std::uint32_t kSometimes = 50;

// On all usable processors, or each thread on one of them.
ggml_threadpool* make_pool(std::uint32_t threads, bool nailed) {
  ggml_threadpool_params params = ggml_threadpool_params_default(static_cast<int>(threads));
  for (const unsigned core : usable_cores()) {
    if (core < GGML_MAX_N_THREADS) params.cpumask[core] = true;
  }
  params.strict_cpu = nailed;
  params.poll = nailed ? kAlways : kSometimes;
  params.paused = true;
  return ggml_threadpool_new(&params);
}

}  // namespace

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

void ThreadPool::start(llama_context* context, std::uint32_t threads, ContextRole role,
                       std::shared_ptr<Crowd> crowd) {
  context_ = context;
  role_ = role;
  crowd_ = std::move(crowd);
  free_.reset(make_pool(threads, false));
  if (role == ContextRole::kRealtime) nailed_.reset(make_pool(threads, true));
  use(free_.get());
}

ThreadPool::~ThreadPool() {
  if (in_crowd_) crowd_->leave();
}

// One that is paused is woken by the first computation, which also moves the calling thread to
// where the pool has it.
void ThreadPool::use(ggml_threadpool* pool) {
  if (used_ != nullptr) ggml_threadpool_pause(used_);
  used_ = pool;
  llama_attach_threadpool(context_, pool, pool);
}

void ThreadPool::begin_step() {
  if (role_ == ContextRole::kBestEffort && !std::exchange(in_crowd_, true)) crowd_->come();
  if (!nailed_) return;
  ggml_threadpool* wanted = crowd_->is_there() ? nailed_.get() : free_.get();
  if (wanted != used_) use(wanted);
}

void ThreadPool::rest() {
  if (used_ != nullptr) ggml_threadpool_pause(used_);
  if (std::exchange(in_crowd_, false)) crowd_->leave();
}

}  // namespace sluice::llama
