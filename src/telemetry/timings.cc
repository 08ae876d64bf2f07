#include "telemetry/timings.h"

#include <algorithm>
#include <charconv>

namespace sluice::telemetry {

namespace {

void append_ms(std::string& out, std::string_view name, Duration spent) {
  const auto us = std::max<std::int64_t>(0, (spent.count() + 500) / 1000);
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), us / 1000).ptr;
  const auto below = static_cast<unsigned>(us % 1000);
  out += name;
  out += ";dur=";
  out.append(digits.data(), end);
  out += '.';
  out += static_cast<char>('0' + below / 100);
  out += static_cast<char>('0' + below / 10 % 10);
  out += static_cast<char>('0' + below % 10);
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
  for (std::size_t i = 0; i < kStageCount; ++i) {
    const auto stage = static_cast<Stage>(i);
    if (!timings.has(stage)) continue;
    append_ms(out, to_string(stage), timings.spent(stage));
    out += ", ";
  }
  append_ms(out, "total", timings.total());
}

std::string server_timing(const RequestTimings& timings) {
  std::string out;
  out.reserve(96);
  append_server_timing(out, timings);
  return out;
}

}  // namespace sluice::telemetry
