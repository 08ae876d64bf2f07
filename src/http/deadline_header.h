// How a deadline travels over HTTP between gateways.
#pragma once

#include <string_view>

namespace sluice::http {

// Milliseconds that the caller still waits, as a plain number; counted from the arrival of the
// head.
inline constexpr std::string_view kDeadlineHeader = "X-Deadline-Ms";

}  // namespace sluice::http
