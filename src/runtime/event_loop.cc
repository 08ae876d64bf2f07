#include "runtime/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace sluice {

namespace {
constexpr std::size_t kEventsPerTurn = 256;
constexpr std::chrono::milliseconds kLongestSleep{60'000};

int checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return fd;
}
}  // namespace

EventLoop::EventLoop()
    : epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wake_(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;  // the wake-up
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
}

EventLoop::~EventLoop() {
  ::close(wake_);
  ::close(epoll_);
}

TimePoint EventLoop::now() const {
  return is_current() ? turn_ : TimePoint(std::chrono::steady_clock::now());
}

void EventLoop::post(Task task) {
  posted_.give(std::move(task));
  if (!awake_.exchange(true, std::memory_order_seq_cst)) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(wake_, &one, sizeof one);
  }
}

void EventLoop::stop() {
  stop_.store(true, std::memory_order_release);
  post([] {});
}

TimerId EventLoop::run_at(TimePoint at, Task task) {
  return timers_.add(at, std::move(task));
}
void EventLoop::cancel(TimerId timer) {
  timers_.cancel(timer);
}
void EventLoop::defer(Task task) {
  deferred_.push_back(std::move(task));
}

void EventLoop::watch(int fd, IoHandler& handler) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &handler;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
}

void EventLoop::forget(int fd, IoHandler& handler) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
  if (dispatching_) forgotten_.push_back(&handler);
}

void EventLoop::run_posted() {
  // In this order: what is given after take() finds that a wake-up is needed.
  awake_.store(false, std::memory_order_seq_cst);
  for (Task& task : posted_.take()) task();
}

void EventLoop::run_deferred() {
  while (!deferred_.empty()) {
    std::vector<Task> tasks;
    tasks.swap(deferred_);
    for (Task& task : tasks) task();
  }
}

int EventLoop::wait(std::span<epoll_event> events) {
  Duration left = kLongestSleep;
  if (const auto next = timers_.next()) {
    left = std::clamp<Duration>(*next - std::chrono::steady_clock::now(), Duration::zero(), left);
  }
  const auto count = static_cast<int>(events.size());
  if (exact_waits_) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    const timespec until{seconds.count(), (left - seconds).count()};
    const int n = ::epoll_pwait2(epoll_, events.data(), count, &until, nullptr);
    if (n >= 0 || errno == EINTR) return n;
    exact_waits_ = false;  // a kernel before 5.11, or a sandbox that does not know the call
  }
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left);
  return ::epoll_wait(epoll_, events.data(), count, static_cast<int>(ms.count()));
}

void EventLoop::run() {
  owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  // Deadlines are kept to the microsecond; by default the kernel may wake a thread 50 of them late.
  ::prctl(PR_SET_TIMERSLACK, 1UL);
  turn_ = std::chrono::steady_clock::now();
  std::array<epoll_event, kEventsPerTurn> events;
  run_posted();
  run_deferred();
  while (!stop_.load(std::memory_order_acquire)) {
    const int n = wait(events);
    turn_ = std::chrono::steady_clock::now();
    bool woken = false;
    dispatching_ = true;
    for (int i = 0; i < n; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      auto* handler = static_cast<IoHandler*>(event.data.ptr);
      if (handler == nullptr) {
        woken = true;
        continue;
      }
      if (!forgotten_.empty() && std::ranges::find(forgotten_, handler) != forgotten_.end()) {
        continue;
      }
      constexpr std::uint32_t kReadable = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
      hangup_ = (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
      handler->on_io((event.events & kReadable) != 0, (event.events & EPOLLOUT) != 0);
    }
    dispatching_ = false;
    hangup_ = false;
    forgotten_.clear();
    if (woken) {
      std::uint64_t count = 0;
      [[maybe_unused]] const auto got = ::read(wake_, &count, sizeof count);
      run_posted();
    }
    while (auto task = timers_.take_due(turn_)) (*task)();
    run_deferred();
  }
  run_posted();
  run_deferred();
  owner_.store(std::thread::id(), std::memory_order_relaxed);
}

}  // namespace sluice
