#include "app/redis_watch.h"

#include <cstdio>
#include <print>
#include <utility>

namespace sluice::app {

void RedisWatch::on_down(const Error& why) {
  if (std::exchange(away_, true)) return;  // each further try says the same
  log_.warn("jobs", "redis_unavailable", {{"error", why.message}});
}

void RedisWatch::on_up(const redis::ServerFacts& facts) {
  away_ = false;
  log_.info("jobs", "redis_connected", {{"product", facts.product}, {"version", facts.version}});
  for (const std::string& concern : facts.concerns()) {
    if (!told_.insert(concern).second) continue;
    log_.warn("jobs", "redis_may_lose_jobs", {{"message", concern}});
    if (elsewhere_) std::println(stderr, "sluice: warning: {}", concern);
  }
}

}  // namespace sluice::app
