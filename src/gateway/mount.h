// What an API needs to put its routes on a listener.
#pragma once

#include <memory>
#include <string>

#include "base/time.h"
#include "gateway/gateway.h"
#include "telemetry/log.h"
#include "telemetry/request_metrics.h"

namespace sluice::gateway {

// One API on one listener, as one io thread sees it: routes are made for each thread, so that what
// their handlers touch is the thread's own. The references outlive the routes.
struct Mount {
  LocalGateway& local;
  Gateway& gateway;
  const Clock& clock;
  telemetry::Instruments& instruments;
  telemetry::Log& log;
  std::string prefix;  // "" or "/iris"
  std::string target;  // a callable; empty where the API serves all
};

}  // namespace sluice::gateway
