// What is said of a Redis server.
#pragma once

#include <set>
#include <string>

#include "base/error.h"
#include "redis/server_facts.h"
#include "telemetry/log.h"

namespace sluice::app {

// Logs when the server comes and goes, and warns, once each and on stderr too, of settings by which
// it may lose what was accepted. One thread.
class RedisWatch {
 public:
  // `elsewhere`: the log does not go to stderr.
  RedisWatch(telemetry::Log& log, bool elsewhere) : log_(log), elsewhere_(elsewhere) {}
  void on_up(const redis::ServerFacts& facts);
  void on_down(const Error& why);

 private:
  telemetry::Log& log_;
  const bool elsewhere_;
  bool away_ = false;  // and it was said
  std::set<std::string> told_;
};

}  // namespace sluice::app
