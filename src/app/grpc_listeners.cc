#include "app/grpc_listeners.h"

#include <algorithm>
#include <format>
#include <random>

#include "config/config.h"

namespace sluice::app {

namespace {
constexpr std::chrono::seconds kGraceOnReload{10};

// What a server was made from. Secrets are not in the YAML, so they are added.
std::string signature_of(const ListenerOptions& listener) {
  std::string signature = config::to_yaml(listener);
  for (const MountOptions& mount : listener.mounts) {
    const auto* inference = std::get_if<OpenInferenceMount>(&mount.api);
    if (inference != nullptr && inference->key) signature += inference->key->reveal() + '\n';
  }
  return signature;
}
}  // namespace

struct GrpcListeners::Server {
  std::string signature;
  std::vector<gateway::LocalGateway*> locals;
  std::unique_ptr<rpc::GrpcServer> server;
};

GrpcListeners::GrpcListeners(gateway::Gateway& gateway, rpc::GrpcObserver& observer)
    : gateway_(gateway), observer_(observer) {}

GrpcListeners::~GrpcListeners() {
  shutdown(Duration::zero());
}

void GrpcListeners::stop(Server& server, Duration grace) {
  server.server->shutdown(grace);
  for (gateway::LocalGateway* local : server.locals) gateway_.remove_home(*local);
  server.server.reset();
}

void GrpcListeners::shutdown(Duration grace) {
  for (Server& server : servers_) stop(server, grace);
  servers_.clear();
}

Result<> GrpcListeners::start(const ListenerOptions& listener, const Options& options,
                              const SiteContext& context, std::size_t threads) {
  Server made{signature_of(listener), {}, nullptr};
  rpc::GrpcServerOptions server{.address = listener.address,
                                .threads = threads,
                                .max_message_bytes = options.limits.body_bytes,
                                .max_calls = options.limits.in_flight,
                                .track_calls = options.telemetry.log.access,
                                .seed = std::random_device()()};
  if (listener.tls) {
    server.tls =
        rpc::GrpcTls{listener.tls->certificate, listener.tls->key, listener.tls->client_ca};
  }
  auto started = rpc::GrpcServer::start(
      std::move(server),
      [&](std::size_t, Executor& home) {
        gateway::LocalGateway& local = gateway_.add_home(home);
        made.locals.push_back(&local);
        return make_methods(listener, local, context);
      },
      &observer_);
  if (!started) {
    for (gateway::LocalGateway* local : made.locals) gateway_.remove_home(*local);
    return fail(started.error());
  }
  made.server = std::move(*started);
  servers_.push_back(std::move(made));
  return {};
}

Result<> GrpcListeners::apply(const Options& options, const SiteContext& context,
                              std::size_t threads) {
  std::vector<const ListenerOptions*> wanted;
  for (const ListenerOptions& listener : options.listeners) {
    if (listener.protocol == Protocol::kGrpc) wanted.push_back(&listener);
  }
  const auto same = [](const Server& server, const ListenerOptions* listener) {
    return server.signature == signature_of(*listener);
  };
  for (auto it = servers_.begin(); it != servers_.end();) {
    if (std::ranges::any_of(wanted, [&](const auto* l) { return same(*it, l); })) {
      ++it;
      continue;
    }
    stop(*it, kGraceOnReload);
    it = servers_.erase(it);
  }
  for (const ListenerOptions* listener : wanted) {
    if (std::ranges::any_of(servers_, [&](const Server& s) { return same(s, listener); })) continue;
    if (auto ok = start(*listener, options, context, threads); !ok) return ok;
  }
  return {};
}

std::vector<std::string> GrpcListeners::addresses() const {
  std::vector<std::string> all;
  for (const Server& server : servers_) all.push_back("grpc://" + server.server->address());
  return all;
}

}  // namespace sluice::app
