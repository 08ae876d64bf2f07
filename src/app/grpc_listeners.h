// The gRPC servers of a configuration.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "app/options.h"
#include "app/request_observer.h"
#include "app/sites.h"
#include "gateway/gateway.h"
#include "rpc/grpc_server.h"

namespace sluice::app {

// Starts, keeps and stops them. Main thread.
class GrpcListeners {
 public:
  // Both must outlive it.
  GrpcListeners(gateway::Gateway& gateway, rpc::GrpcObserver& observer);
  ~GrpcListeners();
  GrpcListeners(const GrpcListeners&) = delete;
  GrpcListeners& operator=(const GrpcListeners&) = delete;

  // What the options say; servers whose listener did not change go on undisturbed. One whose
  // options changed is stopped before its successor starts.
  Result<> apply(const Options& options, const SiteContext& context, std::size_t threads);
  // No new calls; those in flight have so long, then they are cancelled.
  void shutdown(Duration grace);
  [[nodiscard]] std::vector<std::string> addresses() const;

 private:
  struct Server;
  Result<> start(const ListenerOptions& listener, const Options& options,
                 const SiteContext& context, std::size_t threads);
  void stop(Server& server, Duration grace);

  gateway::Gateway& gateway_;
  rpc::GrpcObserver& observer_;
  std::list<Server> servers_;
};

}  // namespace sluice::app
