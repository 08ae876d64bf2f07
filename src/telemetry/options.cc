#include "telemetry/options.h"

#include "config/fields.h"
#include "telemetry/log_queue.h"

namespace sluice::telemetry {

void describe(config::Choices<LogLevel>& c) {
  c.choice("trace", LogLevel::kTrace, "everything")
      .choice("debug", LogLevel::kDebug, "what helps to find a fault")
      .choice("info", LogLevel::kInfo, "what happens, a line for each request included")
      .choice("warn", LogLevel::kWarn, "what may need somebody's attention")
      .choice("error", LogLevel::kError, "what failed")
      .choice("off", LogLevel::kOff, "nothing");
}

void describe(config::Choices<LogFormat>& c) {
  c.choice("auto", LogFormat::kAuto, "text where a terminal reads, else JSON")
      .choice("json", LogFormat::kJson, "one JSON object a line")
      .choice("text", LogFormat::kText, "for people");
}

void describe(config::Fields<LogOptions>& f) {
  f.about("log", "The structured log.");
  f.field("level", &LogOptions::level, "The least level that is written.");
  f.field("format", &LogOptions::format, "How a line looks.");
  f.field("output", &LogOptions::output,
          "Where lines go: stderr, stdout, or the path of a file, which is appended to.")
      .not_empty();
  f.bytes("queue", &LogOptions::queue_bytes,
          "What may wait for a slow output; beyond it the oldest lines are lost and counted.")
      .range(2 * LogQueue::kBlockBytes, std::size_t{1} << 30);
  f.field("access", &LogOptions::access, "A line for each request, at level info.");
}

void describe(config::Fields<TelemetryOptions>& f) {
  f.about("telemetry", "What the process tells about itself.");
  f.field("log", &TelemetryOptions::log, "The structured log.");
  f.field("server_timing", &TelemetryOptions::server_timing,
          "Whether answers carry a Server-Timing header with the time of each stage.");
}

}  // namespace sluice::telemetry
