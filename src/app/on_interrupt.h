// What a command says when it is interrupted, since what it began goes on without it.
#pragma once

#include <string>
#include <thread>

namespace sluice::app {

// While it lives, SIGINT and SIGTERM print the message on stderr and end the process, as they would
// have done by themselves. Main thread, before others are started that should not take the signal.
class OnInterrupt {
 public:
  explicit OnInterrupt(std::string message);
  ~OnInterrupt();
  OnInterrupt(const OnInterrupt&) = delete;
  OnInterrupt& operator=(const OnInterrupt&) = delete;

 private:
  std::jthread waiting_;
};

}  // namespace sluice::app
