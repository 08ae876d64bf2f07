// Commands that were refused on the spot, told to their callers later. Internal to redis/.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "redis/link.h"
#include "runtime/event_loop.h"

namespace sluice::redis {

// A callback never runs before its command's call has returned; so refusals wait for the loop's
// next turn, and one that asks again at once does not keep the loop from turning. On the loop's
// thread. The destructor tells those that still wait.
class Refusals {
 public:
  explicit Refusals(EventLoop& loop) : loop_(loop), waiting_(std::make_shared<List>()) {}
  ~Refusals() {
    for (int i = 0; i < kMostRounds && !waiting_->empty(); ++i) tell(*waiting_);
  }
  Refusals(const Refusals&) = delete;
  Refusals& operator=(const Refusals&) = delete;

  void add(Done done, Failure failure) {
    waiting_->emplace_back(std::move(done), std::move(failure));
    if (waiting_->size() == 1) loop_.post([waiting = waiting_] { tell(*waiting); });
  }

 private:
  // Callbacks that ask again even of what is ending.
  static constexpr int kMostRounds = 100;
  using List = std::vector<std::pair<Done, Failure>>;
  static void tell(List& waiting) {
    for (auto& [done, failure] : std::exchange(waiting, {})) {
      done(std::unexpected(std::move(failure)));
    }
  }

  EventLoop& loop_;
  std::shared_ptr<List> waiting_;
};

}  // namespace sluice::redis
