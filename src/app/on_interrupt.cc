#include "app/on_interrupt.h"

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <print>
#include <utility>

namespace sluice::app {

namespace {
// How long the end of this object may wait for its thread.
constexpr timespec kLook{.tv_sec = 0, .tv_nsec = 50'000'000};
constexpr int kSignalled = 128;  // a shell's status of a command that a signal ended, without that

sigset_t signals() {
  sigset_t set{};
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}
}  // namespace

OnInterrupt::OnInterrupt(std::string message) {
  const sigset_t set = signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  waiting_ = std::jthread([message = std::move(message)](const std::stop_token& stop) {
    const sigset_t awaited = signals();
    while (!stop.stop_requested()) {
      const int came = sigtimedwait(&awaited, nullptr, &kLook);
      if (came <= 0) continue;
      std::println(stderr, "\n{}", message);
      std::_Exit(kSignalled + came);
    }
  });
}

OnInterrupt::~OnInterrupt() {
  waiting_.request_stop();
  waiting_.join();
  const sigset_t set = signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace sluice::app
