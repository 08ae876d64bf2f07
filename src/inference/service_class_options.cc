#include "inference/service_class_options.h"

#include "config/fields.h"

namespace sluice {

void describe(config::Choices<ServiceClass>& c) {
  c.choice("realtime", ServiceClass::kRealtime, "a person waits")
      .choice("best_effort", ServiceClass::kBestEffort, "nobody waits");
}

}  // namespace sluice
