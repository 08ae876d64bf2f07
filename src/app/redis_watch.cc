#include "app/redis_watch.h"

#include <cstdio>
#include <print>
#include <utility>

namespace sluice::app {

void RedisWatch::on_down(const Error& why) {
  note_word();
  if (std::exchange(away_, true)) return;  // each further try says the same
  log_.warn("jobs", "redis_unavailable", {{"error", why.message}});
}

void RedisWatch::on_up(const redis::ServerFacts& facts) {
  note_word();
  away_ = false;
  log_.info("jobs", "redis_connected", {{"product", facts.product}, {"version", facts.version}});
  for (const std::string& concern : facts.concerns()) {
    if (!told_.insert(concern).second) continue;
    log_.warn("jobs", "redis_may_lose_jobs", {{"message", concern}});
    if (elsewhere_) std::println(stderr, "sluice: warning: {}", concern);
  }
}

void RedisWatch::note_word() {
  if (!std::exchange(told_anything_, true)) first_word_.set_value();
}

void RedisWatch::await_first_word(Duration longest) {
  first_word_.get_future().wait_for(longest);
}

}  // namespace sluice::app
