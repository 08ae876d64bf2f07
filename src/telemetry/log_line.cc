#include "telemetry/log_line.h"

#include <array>
#include <charconv>

#include "base/timestamp.h"
#include "telemetry/text.h"

namespace sluice::telemetry {

namespace {

void append_integer(std::string& out, auto value) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

// `text` writes a string in the manner of the line; all else looks the same in both.
void append_value(std::string& out, const LogField::Value& value,
                  void (*text)(std::string&, std::string_view)) {
  struct Visitor {
    std::string& out;
    void (*text)(std::string&, std::string_view);
    void operator()(std::string_view v) const { text(out, cut_utf8(v, kMaxLogTextBytes)); }
    void operator()(std::int64_t v) const { append_integer(out, v); }
    void operator()(std::uint64_t v) const { append_integer(out, v); }
    void operator()(double v) const { append_json_number(out, v); }
    void operator()(bool v) const { out += v ? "true" : "false"; }
  };
  std::visit(Visitor{out, text}, value);
}

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return "TRACE";
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarn:
      return "WARN";
    case LogLevel::kError:
      return "ERROR";
    case LogLevel::kOff:
      return "OFF";
  }
  return "INFO";
}

std::optional<LogLevel> parse_log_level(std::string_view text) {
  if (text == "trace") return LogLevel::kTrace;
  if (text == "debug") return LogLevel::kDebug;
  if (text == "info") return LogLevel::kInfo;
  if (text == "warn" || text == "warning") return LogLevel::kWarn;
  if (text == "error") return LogLevel::kError;
  if (text == "off") return LogLevel::kOff;
  return std::nullopt;
}

std::optional<LogFormat> parse_log_format(std::string_view text) {
  if (text == "auto") return LogFormat::kAuto;
  if (text == "json") return LogFormat::kJson;
  if (text == "text") return LogFormat::kText;
  return std::nullopt;
}

void append_json_line(std::string& out, const LogLine& line) {
  out += R"({"timestamp":")";
  append_timestamp(out, line.at);
  out += R"(","level":")";
  out += to_string(line.level);
  out += R"(","component":)";
  append_json_string(out, line.component);
  out += R"(,"action":)";
  append_json_string(out, line.action);
  for (const auto& field : line.fields) {
    if (field.key.empty()) continue;
    out += ',';
    append_json_string(out, field.key);
    out += ':';
    append_value(out, field.value, append_json_string);
  }
  out += "}\n";
}

void append_text_line(std::string& out, const LogLine& line) {
  std::string stamp;
  append_timestamp(stamp, line.at);
  out += std::string_view(stamp).substr(11, 12);  // the time of day
  out += ' ';
  const auto level = to_string(line.level);
  out += level;
  out.append(6 - level.size(), ' ');
  append_readable(out, line.component);
  out += ' ';
  append_readable(out, line.action);
  for (const auto& field : line.fields) {
    if (field.key.empty()) continue;
    out += ' ';
    append_readable(out, field.key);
    out += '=';
    append_value(out, field.value, append_readable);
  }
  out += '\n';
}

}  // namespace sluice::telemetry
