// Service classes as they are written: in headers, keys, metrics and answers.
#pragma once

#include <optional>
#include <string_view>

#include "inference/callable.h"

namespace sluice {

std::string_view to_string(ServiceClass service_class);  // "realtime", "best_effort"
std::optional<ServiceClass> parse_service_class(std::string_view text);

}  // namespace sluice
