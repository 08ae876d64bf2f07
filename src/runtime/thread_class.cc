#include "runtime/thread_class.h"

#include <pthread.h>
#include <sched.h>

#include <thread>

namespace sluice {

bool run_when_idle() {
  const sched_param param{};
  return pthread_setschedparam(pthread_self(), SCHED_IDLE, &param) == 0;
}

bool can_run_when_idle() {
  bool can = false;
  std::thread([&] { can = run_when_idle(); }).join();
  return can;
}

}  // namespace sluice
