#include "app/grpc_listeners.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <iterator>
#include <optional>
#include <thread>
#include <utility>

#include "base/entropy.h"
#include "base/format.h"
#include "config/config.h"
#include "http/listening_socket.h"

namespace sluice::app {

namespace {
// Reloads that follow one another faster than calls end would pile up servers.
constexpr std::size_t kMaxLeaving = 16;

// What a server and its methods were made from. Secrets are not in the YAML, so they are added.
std::string signature_of(const ListenerOptions& listener) {
  std::string signature = config::to_yaml(listener);
  for (const MountOptions& mount : listener.mounts) {
    const auto* inference = std::get_if<OpenInferenceMount>(&mount.api);
    if (inference != nullptr && inference->key) signature += inference->key->reveal() + '\n';
  }
  return signature;
}

// What a server keeps for life: its socket, where its certificates are, and the paths of its
// methods, which are the same for each mount of one API.
std::string socket_signature_of(ListenerOptions listener) {
  std::string apis;
  for (const MountOptions& mount : std::exchange(listener.mounts, {})) {
    apis += formatted(" {}", mount.api.index());
  }
  listener.rate_per_address.reset();  // its methods know it
  return config::to_yaml(listener) + apis;
}

// Of a Unix socket.
std::optional<http::ListenAddress> unix_address(const ListenerOptions& listener) {
  auto address = http::parse_listen_address(listener.address);
  if (!address || !address->is_unix()) return std::nullopt;
  return std::move(*address);
}
}  // namespace

struct GrpcListeners::Server {
  std::string configured;  // the listener's address
  std::string signature, socket_signature;
  // Of a Unix socket. gRPC removes the file that it made when it stops listening, by its name,
  // whoever's that is by then. So it gets another name to make, and commit() moves the file here:
  // at once, also over a predecessor's.
  std::string made_path, path;
  bool stays = true;  // in the configuration that is being prepared
  std::string next_signature;
  std::vector<std::vector<rpc::Method>> next_methods;  // of that; none: as they are
  std::optional<rpc::GrpcCertificates> next_certificates;
  std::vector<gateway::LocalGateway*> locals;
  std::unique_ptr<rpc::GrpcServer> server;
  std::thread end;  // of one that leaves: shuts it down
  std::atomic<bool> ended = false;

  void remove_path() const {
    if (!path.empty()) ::unlink(path.c_str());
  }
};

GrpcListeners::GrpcListeners(gateway::Gateway& gateway, rpc::GrpcObserver& observer)
    : gateway_(gateway), observer_(observer) {}

GrpcListeners::~GrpcListeners() {
  discard(Duration::zero());
  drain(Duration::zero());
  abort();
  for (Server& server : leaving_) server.end.join();
}

Result<> GrpcListeners::start(const ListenerOptions& listener, const Options& options,
                              const SiteContext& context, std::size_t threads) {
  const auto replaced = std::ranges::find_if(servers_, [&](const Server& server) {
    return !server.stays && server.configured == listener.address;
  });
  const bool replaces = replaced != servers_.end();
  rpc::GrpcServerOptions server{.address = listener.address,
                                .threads = threads,
                                .max_message_bytes = options.limits.body_bytes,
                                .max_calls = options.limits.in_flight,
                                .track_calls = options.telemetry.log.access,
                                .seed = entropy()};
  Server& made = next_.emplace_back();
  const auto give_up = [&](Error error) {
    for (gateway::LocalGateway* local : made.locals) gateway_.remove_home(*local);
    next_.pop_back();
    return fail(std::move(error));
  };
  made.configured = listener.address;
  made.signature = signature_of(listener);
  made.socket_signature = socket_signature_of(listener);
  if (const auto address = unix_address(listener)) {
    if (!replaces) {
      if (auto free = http::check_free(*address); !free) return give_up(free.error());
    }
    made.path = address->unix_path;
    made.made_path = formatted("{}.{}", made.path, ++started_);
    server.address = "unix:" + made.made_path;
  } else if (replaces) {
    server.address = replaced->server->address();  // with the port, where the kernel chose it
    server.replaces = true;
  }
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
  if (!started) return give_up(started.error());
  made.server = std::move(*started);
  return {};
}

Result<> GrpcListeners::prepare(const Options& options, const SiteContext& context,
                                std::size_t threads) {
  drop_ended();
  std::vector<const ListenerOptions*> changed;
  for (Server& server : servers_) server.stays = false;
  for (const ListenerOptions& listener : options.listeners) {
    if (listener.protocol != Protocol::kGrpc) continue;
    const auto same = std::ranges::find(servers_, signature_of(listener), &Server::signature);
    if (same == servers_.end()) {
      changed.push_back(&listener);
    } else {
      same->stays = true;
    }
  }
  std::erase_if(changed, [&](const auto* listener) { return keep(*listener, context); });
  if (auto read = read_certificates(); !read) {
    discard(Duration::zero());
    return read;
  }
  if (leaving_.size() + std::ranges::count(servers_, false, &Server::stays) > kMaxLeaving) {
    discard(Duration::zero());
    return fail({ErrorCode::kExhausted,
                 formatted("{} gRPC listeners of earlier configurations still answer calls; try "
                           "again when they have ended",
                           leaving_.size()),
                 std::chrono::seconds(1)});
  }
  // Those at new addresses first: what can fail fails before anybody shares a port.
  std::ranges::stable_partition(changed, [&](const ListenerOptions* listener) {
    return !std::ranges::contains(servers_, listener->address, &Server::configured);
  });
  for (const ListenerOptions* listener : changed) {
    if (auto ok = start(*listener, options, context, threads); !ok) {
      discard(options.shutdown.drain_timeout);
      return ok;
    }
  }
  return {};
}

// Prepares other methods for a server that can stay as it is.
bool GrpcListeners::keep(const ListenerOptions& listener, const SiteContext& context) {
  const std::string socket = socket_signature_of(listener);
  const auto kept = std::ranges::find_if(servers_, [&](const Server& server) {
    return !server.stays && server.socket_signature == socket;
  });
  if (kept == servers_.end()) return false;
  kept->stays = true;
  kept->next_signature = signature_of(listener);
  for (gateway::LocalGateway* local : kept->locals) {
    kept->next_methods.push_back(make_methods(listener, *local, context));
  }
  return true;
}

// Under the same names there may be others by now.
Result<> GrpcListeners::read_certificates() {
  for (Server& server : servers_) {
    if (!server.stays) continue;
    auto read = server.server->read_certificates();
    if (!read) return fail(read.error());
    server.next_certificates = std::move(*read);
  }
  return {};
}

void GrpcListeners::commit(Duration grace) {
  for (const Server& server : next_) {
    if (!server.path.empty()) std::rename(server.made_path.c_str(), server.path.c_str());
  }
  for (auto it = servers_.begin(); it != servers_.end();) {
    const auto server = it++;
    if (!server->next_methods.empty()) {
      server->server->replace_methods(std::exchange(server->next_methods, {}));
      server->signature = std::move(server->next_signature);
    }
    if (auto certificates = std::exchange(server->next_certificates, std::nullopt)) {
      server->server->replace_certificates(std::move(*certificates));
    }
    if (server->stays) continue;
    if (!std::ranges::contains(next_, server->path, &Server::path)) server->remove_path();
    leave(servers_, server, grace);
  }
  servers_.splice(servers_.end(), next_);
}

void GrpcListeners::discard(Duration grace) {
  for (Server& server : servers_) {
    server.next_methods.clear();
    server.next_certificates.reset();
  }
  while (!next_.empty()) leave(next_, next_.begin(), grace);
}

void GrpcListeners::drain(Duration grace) {
  while (!servers_.empty()) {
    servers_.front().remove_path();
    leave(servers_, servers_.begin(), grace);
  }
}

bool GrpcListeners::idle() const {
  return std::ranges::all_of(leaving_, [](const Server& server) { return server.ended.load(); });
}

void GrpcListeners::abort() {
  for (const Server& server : leaving_) server.server->abort();
}

void GrpcListeners::leave(Servers& from, Servers::iterator server, Duration grace) {
  leaving_.splice(leaving_.end(), from, server);
  server->end = std::thread([&gateway = gateway_, &leaving = *server, grace] {
    leaving.server->shutdown(grace);
    // Not before: the calls' homes get the registry until the last call is over.
    for (gateway::LocalGateway* local : leaving.locals) gateway.remove_home(*local);
    leaving.ended = true;
  });
}

void GrpcListeners::drop_ended() {
  std::erase_if(leaving_, [](Server& server) {
    if (!server.ended) return false;
    server.end.join();
    return true;
  });
}

std::vector<std::string> GrpcListeners::addresses() const {
  std::vector<std::string> all;
  for (const Server& server : servers_) {
    all.push_back("grpc://" + (server.path.empty() ? server.server->address() : server.configured));
  }
  return all;
}

}  // namespace sluice::app
