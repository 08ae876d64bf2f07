#include "inference/service_class_name.h"

namespace sluice {

std::string_view to_string(ServiceClass service_class) {
  return service_class == ServiceClass::kRealtime ? "realtime" : "best_effort";
}

std::optional<ServiceClass> parse_service_class(std::string_view text) {
  for (const ServiceClass each : {ServiceClass::kRealtime, ServiceClass::kBestEffort}) {
    if (text == to_string(each)) return each;
  }
  return std::nullopt;
}

}  // namespace sluice
