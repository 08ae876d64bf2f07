#include "rpc/queue_executor.h"

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include "rpc/timespec.h"

namespace sluice::rpc {

namespace {
// No answer waits longer than about this for others to be made.
constexpr std::chrono::microseconds kLongEnough{200};
}  // namespace

// The event by which a posted task reaches the queue: an alarm that is due at once. At most one is
// under way, so that the alarm can be set again and again.
class QueueExecutor::Wake final : public QueueEvent {
 public:
  explicit Wake(QueueExecutor& executor) : executor_(executor) {}
  void send() {
    alarm_.Set(executor_.queue_.get(), gpr_time_0(GPR_CLOCK_MONOTONIC),
               static_cast<QueueEvent*>(this));
  }
  void on_event(bool) override { executor_.run_posted(); }

 private:
  QueueExecutor& executor_;
  grpc::Alarm alarm_;
};

QueueExecutor::QueueExecutor(std::unique_ptr<grpc::ServerCompletionQueue> queue)
    : queue_(std::move(queue)), wake_(std::make_unique<Wake>(*this)) {}
QueueExecutor::~QueueExecutor() = default;

TimePoint QueueExecutor::now() const {
  return is_current() ? turn_ : TimePoint(std::chrono::steady_clock::now());
}

void QueueExecutor::post(Task task) {
  const std::scoped_lock lock(mutex_);
  posted_.push_back(std::move(task));
  if (woken_ || closed_) return;
  woken_ = true;
  wake_->send();
}

void QueueExecutor::run_posted() {
  std::vector<Task> tasks;
  {
    const std::scoped_lock lock(mutex_);
    woken_ = false;
    tasks.swap(posted_);
  }
  for (Task& task : tasks) task();
}

void QueueExecutor::close() {
  const std::scoped_lock lock(mutex_);
  closing_ = true;
  close_if_left();
}

void QueueExecutor::close_if_left() {
  if (!closing_ || stays_ > 0 || std::exchange(closed_, true)) return;
  queue_->Shutdown();
}

void QueueExecutor::begin_stay() {
  const std::scoped_lock lock(mutex_);
  ++stays_;
}

// The lock is held to the end: run() returns, and the executor goes, only after that.
void QueueExecutor::end_stay() {
  const std::scoped_lock lock(mutex_);
  --stays_;
  close_if_left();
}

void QueueExecutor::run_deferred() {
  while (!deferred_.empty()) {
    for (Task& task : std::exchange(deferred_, {})) task();
  }
}

bool QueueExecutor::take_events() {
  constexpr std::size_t kMost = 64;
  const auto next = timers_.next();
  gpr_timespec until = next ? to_timespec(*next) : gpr_inf_future(GPR_CLOCK_MONOTONIC);
  events_.clear();
  while (events_.size() < kMost) {
    void* tag = nullptr;
    bool ok = false;
    const auto status = queue_->AsyncNext(&tag, &ok, until);
    if (events_.empty()) turn_ = std::chrono::steady_clock::now();
    if (status == grpc::CompletionQueue::SHUTDOWN) return !events_.empty();
    if (status == grpc::CompletionQueue::TIMEOUT) break;
    events_.push_back({static_cast<QueueEvent*>(tag), ok});
    until = gpr_inf_past(GPR_CLOCK_MONOTONIC);
  }
  return true;
}

void QueueExecutor::run() {
  turn_ = std::chrono::steady_clock::now();
  owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  while (take_events()) {
    TimePoint answers_due = turn_ + kLongEnough;
    for (const Event& each : events_) {
      each.event->on_event(each.ok);
      const TimePoint now = std::chrono::steady_clock::now();
      if (now < answers_due) continue;
      run_deferred();
      answers_due = now + kLongEnough;
    }
    while (auto task = timers_.take_due(turn_)) (*task)();
    run_deferred();
  }
  owner_.store(std::thread::id(), std::memory_order_relaxed);
}

}  // namespace sluice::rpc
