// Lua scripts on the server, called by their digest.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "redis/connection.h"

namespace sluice::redis {

// The text of a script and its SHA-1, by which EVALSHA calls it. An immutable value, made once.
class Script {
 public:
  // `name` is for messages.
  Script(std::string name, std::string text);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::string& digest() const { return digest_; }  // 40 hexadecimal digits

 private:
  std::string name_;
  std::string text_;
  std::string digest_;
};

// EVALSHA with these keys; arguments are added to it.
Command script_call(const Script& script, std::span<const std::string_view> keys);
inline Command script_call(const Script& script, std::initializer_list<std::string_view> keys) {
  return script_call(script, std::span<const std::string_view>(keys.begin(), keys.size()));
}

// Runs scripts on one connection. A server that does not know a script (after a restart or a
// failover, or after SCRIPT FLUSH) gets its text once and the call again, unseen by the caller; of
// a pipeline of calls then, those that were refused run after those that came later. Any number of
// calls may be under way. On the connection's thread; it ends before the connection. What is under
// way then is still answered, by the connection.
class ScriptRunner {
 public:
  explicit ScriptRunner(Connection& connection);
  ~ScriptRunner();
  ScriptRunner(const ScriptRunner&) = delete;
  ScriptRunner& operator=(const ScriptRunner&) = delete;

  // `call` is from script_call() for the same script, which outlives the runner. As
  // Connection::send() for the rest.
  void run(const Script& script, Command call, Deadline deadline, Done done);

 private:
  struct Call;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace sluice::redis
