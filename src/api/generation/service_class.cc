#include "api/generation/service_class.h"

#include "base/format.h"

namespace sluice::api::generation {

Result<ServiceClass> class_of(const http::RequestHead& head, std::optional<ServiceClass> priority,
                              ServiceClass otherwise) {
  const auto header = head.header(kClassHeader);
  if (!header) return priority.value_or(otherwise);
  if (const auto named = parse_service_class(*header)) return *named;
  return fail(
      invalid(formatted("{} must be realtime or best_effort, got {}", kClassHeader, *header)));
}

}  // namespace sluice::api::generation
