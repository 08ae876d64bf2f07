#include "api/generation/service_class.h"

#include <format>

namespace sluice::api::generation {

std::string_view to_string(ServiceClass service_class) {
  return service_class == ServiceClass::kRealtime ? "realtime" : "best_effort";
}

Result<ServiceClass> class_of(const http::RequestHead& head, std::optional<ServiceClass> priority,
                              ServiceClass otherwise) {
  const auto header = head.header(kClassHeader);
  if (!header) return priority.value_or(otherwise);
  if (*header == "realtime") return ServiceClass::kRealtime;
  if (*header == "best_effort") return ServiceClass::kBestEffort;
  return fail(
      invalid(std::format("{} must be realtime or best_effort, got {}", kClassHeader, *header)));
}

std::optional<ServiceClass> class_of_priority(std::string_view priority) {
  if (priority == "high") return ServiceClass::kRealtime;
  if (priority == "low") return ServiceClass::kBestEffort;
  return std::nullopt;
}

}  // namespace sluice::api::generation
