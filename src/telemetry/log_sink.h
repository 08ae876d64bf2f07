// Where log lines end up.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::telemetry {

// Takes whole lines, on the log's own thread only, and may be slow.
class LogSink {
 public:
  virtual ~LogSink() = default;
  // Gives up (and says false) where it can write no more: on an error, or when it would have to
  // wait although `closing` is set.
  virtual bool write(std::string_view lines, const std::atomic<bool>& closing) = 0;
  // Opens a file anew after it was moved away. Any thread.
  virtual void reopen() {}
  [[nodiscard]] virtual bool is_terminal() const { return false; }
};

// "stderr", "stdout" or the path of a file, which is made where it is missing and appended to.
Result<std::unique_ptr<LogSink>> open_log_sink(const std::string& output);

// Writes to a descriptor, which stays the caller's. Never blocks for longer than a moment once the
// log is closing, even where nobody reads the other end.
std::unique_ptr<LogSink> descriptor_sink(int descriptor);

}  // namespace sluice::telemetry
