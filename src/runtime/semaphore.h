// Counts wake-ups for threads that sleep.
#pragma once

#include <semaphore.h>

#include <cerrno>

namespace sluice {

// sem_overview(7). No lock is held by who posts or waits, so neither holds up the other, whatever
// its class (handover.h says why that matters). Any thread.
class Semaphore {
 public:
  Semaphore() { ::sem_init(&semaphore_, 0, 0); }
  ~Semaphore() { ::sem_destroy(&semaphore_); }
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  void post() { ::sem_post(&semaphore_); }
  // Until there is a post that nobody has taken.
  void wait() {
    while (::sem_wait(&semaphore_) != 0 && errno == EINTR) {
    }
  }
  // Takes one that is there; false: there is none.
  bool try_wait() { return ::sem_trywait(&semaphore_) == 0; }

 private:
  sem_t semaphore_{};
};

}  // namespace sluice
