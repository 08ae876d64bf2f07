#include "gateway/external.h"

#include <utility>

#include "base/format.h"

namespace sluice::gateway {

ExternalCallable::ExternalCallable(std::string name, std::string about)
    : error_(invalid(formatted("'{}' is run by programs that lease its jobs; hand the call in as "
                               "a job (POST /v1/jobs)",
                               name))) {
  description_ = {.name = std::move(name),
                  .kind = CallableKind::kExternal,
                  .platform = "external",
                  .version = "1"};
  if (!about.empty()) description_.properties["description"] = std::move(about);
}

CancelHandle ExternalCallable::start(const Call& /*call*/, RequestPtr /*request*/, Sink& sink) {
  sink.on_result(fail(error_));
  return {};
}

}  // namespace sluice::gateway
