// For whom a call is: a person who waits, or work that can wait.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "http/request_parser.h"
#include "inference/service_class_name.h"

namespace sluice::api::generation {

inline constexpr std::string_view kClassHeader = "X-Sluice-Class";

// By the header, else by the body's priority, else as the API has it. kInvalid where the header
// names no class. The key's ceiling is not applied here.
Result<ServiceClass> class_of(const http::RequestHead& head, std::optional<ServiceClass> priority,
                              ServiceClass otherwise);

}  // namespace sluice::api::generation
