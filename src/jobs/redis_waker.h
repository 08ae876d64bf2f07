// Notices that another program has put an id into a list.
#pragma once

#include <functional>
#include <string>

#include "redis/blocking_connection.h"

namespace sluice::jobs {

// Blocks on the server until the list has something, by moving its last id to where it is: so no
// crash can lose one, and whoever takes ids off the list finds them in their order. Of one loop, on
// its thread.
class RedisWaker {
 public:
  RedisWaker(EventLoop& loop, http::Resolver& resolver, redis::ConnectionSetup setup,
             std::string list, std::function<void()> woken);
  ~RedisWaker();
  RedisWaker(const RedisWaker&) = delete;
  RedisWaker& operator=(const RedisWaker&) = delete;

  void start() { connection_.start(); }
  void stop();

  // The list was found empty: tell once when it is not. `fruitful`: something was taken off it
  // since it was told; if not, again and again, it waits between.
  void wait(bool fruitful);

 private:
  void block();
  void block_at(Duration later);

  EventLoop& loop_;
  const std::string list_;
  const std::function<void()> woken_;
  bool waiting_ = false;
  bool stopped_ = false;
  int fruitless_ = 0;
  TimerId timer_ = 0;
  redis::BlockingConnection connection_;
};

}  // namespace sluice::jobs
