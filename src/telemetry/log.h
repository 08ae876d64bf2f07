// The structured log: one line an event, JSON for machines, text where a terminal reads.
//
// app/ makes one Log and hands it on by reference. Every line has a timestamp, a level, the
// component that speaks (http, gateway, ...), the action (what happened, in snake_case), then
// typed fields.
//
//   log.info("http", "listening", {{"listener", name}, {"port", port}});
//
// Any thread may log. A line is built by the caller (some hundred nanoseconds) and written by the
// log's own thread, so a slow reader delays nobody: when the queue is full the oldest lines are
// lost, and a line says how many. Lines are never broken or mixed. Not for signal handlers.
#pragma once

#include <atomic>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "telemetry/log_field.h"
#include "telemetry/log_sink.h"

namespace sluice::telemetry {

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kAuto;
  std::string output = "stderr";  // or stdout, or the path of a file
  std::size_t queue_bytes = 4 * 1024 * 1024;
  bool access = true;  // a line for each request
};

class LogQueue;

class Log {
 public:
  // Opens what options.output names. `clock` must outlive the log.
  static Result<std::unique_ptr<Log>> open(const LogOptions& options, const Clock& clock);
  Log(const LogOptions& options, const Clock& clock, std::unique_ptr<LogSink> sink);
  // Writes what is queued, unless the sink makes it wait.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  [[nodiscard]] bool enabled(LogLevel level) const {
    return level >= level_.load(std::memory_order_relaxed);
  }
  // Is a line for each request wanted.
  [[nodiscard]] bool access_enabled() const {
    return access_.load(std::memory_order_relaxed) && enabled(LogLevel::kInfo);
  }

  using Fields = std::initializer_list<LogField>;
  void debug(std::string_view component, std::string_view action, Fields fields = {}) {
    write(LogLevel::kDebug, component, action, fields);
  }
  void info(std::string_view component, std::string_view action, Fields fields = {}) {
    write(LogLevel::kInfo, component, action, fields);
  }
  void warn(std::string_view component, std::string_view action, Fields fields = {}) {
    write(LogLevel::kWarn, component, action, fields);
  }
  void error(std::string_view component, std::string_view action, Fields fields = {}) {
    write(LogLevel::kError, component, action, fields);
  }
  void write(LogLevel level, std::string_view component, std::string_view action, Fields fields) {
    if (enabled(level)) append(level, component, action, {fields.begin(), fields.size()});
  }
  void write(LogLevel level, std::string_view component, std::string_view action,
             std::span<const LogField> fields) {
    if (enabled(level)) append(level, component, action, fields);
  }

  // What a reload may change while the log runs.
  void set_level(LogLevel level) { level_.store(level, std::memory_order_relaxed); }
  void set_access(bool on) { access_.store(on, std::memory_order_relaxed); }
  // Opens the file anew (after it was rotated). Nothing for a stream.
  void reopen();

  // Waits until what was logged before is written. For tests, and before the process ends badly.
  void flush();
  // Lines that nobody will read.
  [[nodiscard]] std::uint64_t lost() const;

 private:
  void append(LogLevel level, std::string_view component, std::string_view action,
              std::span<const LogField> fields);
  void format(std::string& out, LogLevel level, std::string_view component, std::string_view action,
              std::span<const LogField> fields) const;

  const Clock& clock_;
  std::atomic<LogLevel> level_;
  std::atomic<bool> access_;
  bool text_;
  std::unique_ptr<LogQueue> queue_;
};

}  // namespace sluice::telemetry
