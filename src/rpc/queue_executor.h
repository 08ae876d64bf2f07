// A gRPC completion queue as an executor: calls, timers and posted tasks on one thread.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/executor.h"
#include "runtime/timer_queue.h"

namespace grpc {
class ServerCompletionQueue;
}

namespace sluice::rpc {

// What every tag on such a queue points to.
class QueueEvent {
 public:
  virtual void on_event(bool ok) = 0;

 protected:
  ~QueueEvent() = default;
};

// Runs on the thread that calls run(). So a call that comes from the queue and is answered at once
// never changes its thread, and results from elsewhere are posted to where their call waits.
//
// A turn: the events that are there, then due timers, then deferred tasks. Taking events, handling
// them and answering are each done for many calls in a row, so that the code of each is still in
// the processor's cache for the next one: gRPC's alone is larger than that cache.
class QueueExecutor final : public Executor {
 public:
  explicit QueueExecutor(std::unique_ptr<grpc::ServerCompletionQueue> queue);
  ~QueueExecutor() override;
  QueueExecutor(const QueueExecutor&) = delete;
  QueueExecutor& operator=(const QueueExecutor&) = delete;

  // Until close(), and until all events have been handed out.
  void run();
  // From any thread, after the server has been shut down. Takes effect when nobody stays any more.
  // Tasks posted later never run, and timers that are not yet due neither: both are destroyed with
  // the executor.
  void close();

  void post(Task task) override;
  // Runs the task at the end of this turn. On the executor's thread.
  void defer(Task task) { deferred_.push_back(std::move(task)); }
  // When this turn began; from another thread the machine's time.
  [[nodiscard]] TimePoint now() const override;
  TimerId run_at(TimePoint at, Task task) override { return timers_.add(at, std::move(task)); }
  void cancel(TimerId timer) override { timers_.cancel(timer); }
  [[nodiscard]] bool is_current() const override {
    return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  grpc::ServerCompletionQueue& queue() { return *queue_; }

 private:
  class Wake;
  struct Event {
    QueueEvent* event;
    bool ok;
  };
  void begin_stay() override;
  void end_stay() override;
  void close_if_left();  // mutex_ held
  void run_posted();
  void run_deferred();
  // Waits for an event, and takes those that are there with it. False when there will be no more.
  bool take_events();

  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::unique_ptr<Wake> wake_;
  TimerQueue timers_;
  std::vector<Event> events_;  // of this turn
  std::vector<Task> deferred_;
  TimePoint turn_{};
  std::atomic<std::thread::id> owner_{};

  std::mutex mutex_;
  std::vector<Task> posted_;  // guarded by mutex_, as is the rest
  bool woken_ = false;        // an event for posted_ is under way
  std::size_t stays_ = 0;
  bool closing_ = false;
  bool closed_ = false;
};

}  // namespace sluice::rpc
