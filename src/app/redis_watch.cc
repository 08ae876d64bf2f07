#include "app/redis_watch.h"

#include <cstdio>
#include <print>
#include <utility>

#include "redis/server_use.h"

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

void RedisWatch::on_foreign_id(std::string_view id) {
  log_.warn(
      "jobs", "foreign_id_dropped",
      {{"id", id},
       {"message", "taken off the list and not run: an id has 1 to 64 letters, digits, _ and -"}});
}

void RedisWatch::on_info(std::string_view info) {
  const redis::ServerUse use = redis::read_use(info, database_);
  const auto show = [](const telemetry::Level& level, const std::optional<std::uint64_t>& value) {
    if (value) level.set(static_cast<double>(*value));
  };
  show(metrics_.memory_bytes, use.memory_bytes);
  show(metrics_.keys, use.keys);
  show(metrics_.expired_keys, use.expired_keys);
}

void RedisWatch::note_word() {
  if (!std::exchange(told_anything_, true)) first_word_.set_value();
}

void RedisWatch::await_first_word(Duration longest) {
  first_word_.get_future().wait_for(longest);
}

}  // namespace sluice::app
