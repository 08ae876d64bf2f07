// How a deadline travels over HTTP between gateways.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include "base/time.h"

namespace sluice::http {

// Milliseconds that the caller still waits, as a plain number; counted from the arrival of the
// head.
inline constexpr std::string_view kDeadlineHeader = "X-Deadline-Ms";

// Its value for a request that is sent now: rounded down, since we stop waiting before the server
// does, and never zero.
inline std::string deadline_value(const Deadline& deadline, TimePoint now) {
  const auto left = std::chrono::floor<std::chrono::milliseconds>(deadline.left(now)).count();
  return std::to_string(std::max(left, decltype(left){1}));
}

}  // namespace sluice::http
