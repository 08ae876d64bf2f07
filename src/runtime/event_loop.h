// An io thread: readiness of descriptors, timers and posted tasks, over epoll(7) and eventfd(2).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "runtime/executor.h"
#include "runtime/handover.h"
#include "runtime/timer_queue.h"

struct epoll_event;

namespace sluice {

// Told when a descriptor became readable or writable. Edge-triggered: read or write until the
// kernel says "would block" (or, for a read, until it gave less than was asked for).
class IoHandler {
 public:
  virtual ~IoHandler() = default;
  // `readable` is also set when the peer closed or the descriptor failed: the next read tells.
  virtual void on_io(bool readable, bool writable) = 0;
};

// One loop runs on one thread, the one that calls run(). All methods but post() and stop() belong
// to that thread (or to its creator, before run()). Handlers may watch, forget and destroy any
// handler, themselves included, from within a callback: events that the kernel had reported for a
// forgotten handler are dropped.
class EventLoop final : public Executor {
 public:
  EventLoop();  // throws std::system_error when the kernel gives no epoll or eventfd
  ~EventLoop() override;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Until stop(). Tasks that were posted before stop() run first.
  void run();
  void stop();  // from any thread

  void post(Task task) override;
  // The time at which this turn of the loop began, outside run() the machine's.
  [[nodiscard]] TimePoint now() const override;
  TimerId run_at(TimePoint at, Task task) override;
  void cancel(TimerId timer) override;
  [[nodiscard]] bool is_current() const override {
    return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  // A descriptor has one handler. The caller keeps both alive until forget().
  void watch(int fd, IoHandler& handler);
  // Before the descriptor is closed.
  void forget(int fd, IoHandler& handler);
  // Within on_io: did the kernel say that the peer will send no more? Then a short read is not the
  // end: read until 0.
  [[nodiscard]] bool hangup_reported() const { return hangup_; }
  // Runs the task after the events of this turn, before the loop sleeps. Cheaper than post().
  void defer(Task task);

 private:
  void run_posted();
  void run_deferred();
  // Until an event comes or a timer is due. How many events.
  int wait(std::span<epoll_event> events);

  int epoll_;
  int wake_;
  TimerQueue timers_;
  std::vector<Task> deferred_;
  std::vector<IoHandler*> forgotten_;  // in this turn, while events are handed out
  bool dispatching_ = false;
  bool exact_waits_ = true;
  bool hangup_ = false;
  TimePoint turn_{};
  std::atomic<std::thread::id> owner_{};

  Handover<Task> posted_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> awake_ = false;  // a wake-up is on its way or not needed
};

}  // namespace sluice
