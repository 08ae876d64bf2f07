#include "telemetry/timings.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace sluice::telemetry {

namespace {

// The longest: five names and as many numbers of at most 19 digits, a point and separators.
constexpr std::size_t kMaxServerTiming = 256;

char* write_text(char* to, std::string_view text) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

char* write_ms(char* to, std::string_view name, Duration spent) {
  const auto us = std::max<std::int64_t>(0, (spent.count() + 500) / 1000);
  to = write_text(write_text(to, name), ";dur=");
  to = std::to_chars(to, to + 20, us / 1000).ptr;
  const auto below = static_cast<unsigned>(us % 1000);
  *to++ = '.';
  *to++ = static_cast<char>('0' + below / 100);
  *to++ = static_cast<char>('0' + below / 10 % 10);
  *to++ = static_cast<char>('0' + below % 10);
  return to;
}

}  // namespace

std::string_view to_string(Stage stage) {
  switch (stage) {
    case Stage::kParse:
      return "parse";
    case Stage::kQueue:
      return "queue";
    case Stage::kRun:
      return "run";
    case Stage::kEncode:
      return "encode";
  }
  return "run";
}

void append_server_timing(std::string& out, const RequestTimings& timings) {
  std::array<char, kMaxServerTiming> text;
  char* to = text.data();
  for (std::size_t i = 0; i < kStageCount; ++i) {
    const auto stage = static_cast<Stage>(i);
    if (timings.has(stage)) {
      to = write_text(write_ms(to, to_string(stage), timings.spent(stage)), ", ");
    }
  }
  to = write_ms(to, "total", timings.total());
  out.append(text.data(), to);
}

std::string server_timing(const RequestTimings& timings) {
  std::string out;
  out.reserve(96);
  append_server_timing(out, timings);
  return out;
}

}  // namespace sluice::telemetry
