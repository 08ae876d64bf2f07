// From listeners and mounts to what the HTTP server serves.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "access/address_limits.h"
#include "access/keyring.h"
#include "api/jobs/later.h"
#include "app/options.h"
#include "gateway/mount.h"
#include "http/site.h"
#include "jobs/desk.h"
#include "rpc/unary_call.h"

namespace sluice::app {

// What handlers may refer to; all of it outlives the sites.
struct SiteContext {
  gateway::Gateway& gateway;
  std::vector<gateway::LocalGateway*> locals;  // one an io thread
  const Clock& clock;
  telemetry::Instruments& instruments;
  telemetry::Log& log;
  std::function<void(std::function<void(Result<>)>)> reload;  // as AdminOptions has it
  const jobs::Desk& desk;
  const access::Keyring& keyring;
  access::AddressLimits& limits;
  std::size_t addresses;  // in each of them
  const config::OrderedMap<CallableOptions>& callables;
};

// One site an io thread. To be used only if `problems` stays empty: it hears of routes that overlap
// and of TLS files that cannot be used.
std::vector<http::SitePtr> make_sites(const ListenerOptions& listener,
                                      const telemetry::TelemetryOptions& telemetry,
                                      const SiteContext& context, config::Problems& problems);

// The routes by which calls of the listener that were to be answered later are made; none where
// nobody takes such calls. For the thread of `local`.
std::optional<api::jobs::LaterRoutes> make_later_routes(const ListenerOptions& listener,
                                                        gateway::LocalGateway& local,
                                                        const SiteContext& context);

// Says which of the listener's certificates and keys, where it has any, cannot be used.
void check_tls(const ListenerOptions& listener, config::Problems& problems);

// The gRPC methods of a listener, for one of its threads.
std::vector<rpc::Method> make_methods(const ListenerOptions& listener, gateway::LocalGateway& local,
                                      const SiteContext& context);

}  // namespace sluice::app
