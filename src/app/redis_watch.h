// What is said of a Redis server.
#pragma once

#include <cstdint>
#include <future>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "redis/server_facts.h"
#include "telemetry/log.h"
#include "telemetry/request_metrics.h"

namespace sluice::app {

// Logs when the server comes and goes, and warns, once each and on stderr too, of settings by which
// it may lose what was accepted. Shows what the server says of its use. Told by one thread.
class RedisWatch {
 public:
  // `elsewhere`: the log does not go to stderr. `database`: the one of which the keys are counted.
  RedisWatch(telemetry::Log& log, bool elsewhere, const telemetry::RedisServerMetrics& metrics,
             std::uint32_t database)
      : log_(log), elsewhere_(elsewhere), metrics_(metrics), database_(database) {}
  void on_up(const redis::ServerFacts& facts);
  void on_down(const Error& why);
  void on_foreign_id(std::string_view id);
  void on_info(std::string_view info);
  // Blocks, `longest` at most, until it was told for the first time whether the server is there. Of
  // another thread, once.
  void await_first_word(Duration longest);

 private:
  void note_word();

  telemetry::Log& log_;
  const bool elsewhere_;
  const telemetry::RedisServerMetrics metrics_;
  const std::uint32_t database_;
  std::promise<void> first_word_;
  bool told_anything_ = false;
  bool away_ = false;  // and it was said
  std::set<std::string> told_;
};

}  // namespace sluice::app
