#include "jobs/redis_waker.h"

#include <algorithm>
#include <utility>

namespace sluice::jobs {

namespace {
// Never endless, so that a lost server is noticed.
constexpr std::chrono::seconds kBlock{5};
constexpr Duration kTryAgain = std::chrono::milliseconds(200);
// So often it is told at once of what nobody could take; then after a wait that doubles.
constexpr int kFruitlessAtOnce = 3;
constexpr Duration kFirstWait = std::chrono::milliseconds(2);
constexpr int kMostDoublings = 9;
}  // namespace

RedisWaker::RedisWaker(EventLoop& loop, http::Resolver& resolver, redis::ConnectionSetup setup,
                       std::string list, std::function<void()> woken)
    : loop_(loop),
      list_(std::move(list)),
      woken_(std::move(woken)),
      connection_(loop, resolver, std::move(setup)) {}

RedisWaker::~RedisWaker() {
  stop();
}

void RedisWaker::stop() {
  stopped_ = true;
  loop_.cancel(std::exchange(timer_, 0));
  connection_.stop();
}

void RedisWaker::wait(bool fruitful) {
  if (fruitful) fruitless_ = 0;
  if (waiting_ || timer_ != 0 || stopped_) return;
  const int doublings = std::min(fruitless_ - kFruitlessAtOnce, kMostDoublings);
  if (doublings < 0) return block();
  block_at(kFirstWait * (1 << doublings));
}

void RedisWaker::block_at(Duration later) {
  timer_ = loop_.run_at(loop_.now() + later, [this] {
    timer_ = 0;
    block();
  });
}

void RedisWaker::block() {
  waiting_ = true;
  const redis::Command command("BLMOVE", list_, list_, "RIGHT", "RIGHT", kBlock.count());
  connection_.call(command, kBlock, [this](redis::Answer answer) {
    waiting_ = false;
    if (stopped_) return;
    if (!answer) return block_at(kTryAgain);
    if (answer->is_nil()) return block();
    ++fruitless_;
    woken_();
  });
}

}  // namespace sluice::jobs
