#include "telemetry/log.h"

#include <array>
#include <utility>

#include "telemetry/log_line.h"
#include "telemetry/log_queue.h"

namespace sluice::telemetry {

Result<std::unique_ptr<Log>> Log::open(const LogOptions& options, const Clock& clock) {
  auto sink = open_log_sink(options.output);
  if (!sink) return fail(sink.error());
  return std::make_unique<Log>(options, clock, *std::move(sink));
}

Log::Log(const LogOptions& options, const Clock& clock, std::unique_ptr<LogSink> sink)
    : clock_(clock),
      level_(options.level),
      access_(options.access),
      text_(options.format == LogFormat::kText ||
            (options.format == LogFormat::kAuto && sink->is_terminal())) {
  const auto dropped = [](std::uint64_t lines, void* self) {
    std::string line;
    const std::array fields{LogField("lines", lines)};
    static_cast<const Log*>(self)->format(line, LogLevel::kWarn, "log", "lines_lost", fields);
    return line;
  };
  queue_ = std::make_unique<LogQueue>(std::move(sink), options.queue_bytes, dropped, this);
}

Log::~Log() = default;

void Log::format(std::string& out, LogLevel level, std::string_view component,
                 std::string_view action, std::span<const LogField> fields) const {
  const LogLine line{clock_.wall(), level, component, action, fields};
  if (text_) {
    append_text_line(out, line);
  } else {
    append_json_line(out, line);
  }
}

void Log::append(LogLevel level, std::string_view component, std::string_view action,
                 std::span<const LogField> fields) {
  // One buffer a thread, so that a line needs no allocation.
  static thread_local std::string line;
  line.clear();
  format(line, level, component, action, fields);
  queue_->push(line, level >= LogLevel::kWarn);
}

void Log::reopen() {
  queue_->sink().reopen();
}
void Log::flush() {
  queue_->flush();
}
std::uint64_t Log::lost() const {
  return queue_->lost();
}

}  // namespace sluice::telemetry
