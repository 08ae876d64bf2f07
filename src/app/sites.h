// From listeners and mounts to what the HTTP server serves.
#pragma once

#include <vector>

#include "app/options.h"
#include "gateway/mount.h"
#include "http/site.h"

namespace sluice::app {

// What handlers may refer to; all of it outlives the sites.
struct SiteContext {
  gateway::Gateway& gateway;
  std::vector<gateway::LocalGateway*> locals;  // one an io thread
  const Clock& clock;
  telemetry::Instruments& instruments;
  telemetry::Log& log;
  std::function<Result<>()> reload;  // asked for by an administrator; any thread
};

// One site an io thread. Fails when routes overlap or a certificate cannot be read.
Result<std::vector<http::SitePtr>> make_sites(const ListenerOptions& listener, bool server_timing,
                                              const SiteContext& context);

}  // namespace sluice::app
