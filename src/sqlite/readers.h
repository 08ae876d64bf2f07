// Threads that read from a database beside its writer.
#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/thread_name.h"
#include "sqlite/connection.h"

namespace sluice::sqlite {

// Each thread has a connection and whatever the owner keeps beside it (prepared statements). What
// was committed before a task was submitted is seen by it. submit() from any thread.
template <class State>
class Readers {
 public:
  using Work = std::move_only_function<void(State&)>;

  // `make` opens the state of one thread.
  static Result<std::unique_ptr<Readers>> start(
      std::size_t threads, std::size_t queue_limit,
      const std::function<Result<std::unique_ptr<State>>()>& make) {
    auto readers = std::unique_ptr<Readers>(new Readers(queue_limit));
    for (std::size_t i = 0; i < threads; ++i) {
      auto state = make();
      if (!state) return fail(state.error());
      readers->states_.push_back(std::move(*state));
    }
    for (auto& state : readers->states_) {
      readers->threads_.emplace_back([self = readers.get(), own = state.get()] {
        name_this_thread("sluice-db-read");
        self->work(*own);
      });
    }
    return readers;
  }
  // What is queued is done first.
  ~Readers() {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;

  // kExhausted, with `work` unused, when too much waits.
  [[nodiscard]] Result<> submit(Work work) {
    {
      const std::scoped_lock lock(mutex_);
      if (queue_.size() >= queue_limit_) {
        return fail(Error{ErrorCode::kExhausted, "too many questions wait for the disk",
                          std::chrono::milliseconds(1000)});
      }
      queue_.push_back(std::move(work));
    }
    wake_.notify_one();
    return {};
  }

 private:
  explicit Readers(std::size_t queue_limit) : queue_limit_(queue_limit) {}
  void work(State& state) {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      Work next = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      next(state);
      lock.lock();
    }
  }

  const std::size_t queue_limit_;
  std::vector<std::unique_ptr<State>> states_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Work> queue_;  // guarded by mutex_
  bool stopping_ = false;   // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace sluice::sqlite
