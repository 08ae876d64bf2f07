// What is said of a Redis server.
#pragma once

#include <future>
#include <set>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "redis/server_facts.h"
#include "telemetry/log.h"

namespace sluice::app {

// Logs when the server comes and goes, and warns, once each and on stderr too, of settings by which
// it may lose what was accepted. Told by one thread.
class RedisWatch {
 public:
  // `elsewhere`: the log does not go to stderr.
  RedisWatch(telemetry::Log& log, bool elsewhere) : log_(log), elsewhere_(elsewhere) {}
  void on_up(const redis::ServerFacts& facts);
  void on_down(const Error& why);
  // Blocks, `longest` at most, until it was told for the first time whether the server is there. Of
  // another thread, once.
  void await_first_word(Duration longest);

 private:
  void note_word();

  telemetry::Log& log_;
  const bool elsewhere_;
  std::promise<void> first_word_;
  bool told_anything_ = false;
  bool away_ = false;  // and it was said
  std::set<std::string> told_;
};

}  // namespace sluice::app
