// The gRPC servers of a configuration.
#pragma once

#include <cstddef>
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

// Starts, replaces and ends them. Main thread; none of its operations waits for a call.
//
// When the mounts of a listener change, its server gets other methods, and when its certificates
// have been renewed, it gets those; its clients notice nothing. When anything else changes, such as
// where the certificates are, another server is made beside it at the same address and takes its
// place. The old one takes no more calls and leaves when those in flight are
// over. gRPC's shutdown blocks until then, so each server that leaves has a thread for it, which is
// owned here and joined when it has ended.
class GrpcListeners {
 public:
  // Both must outlive it.
  GrpcListeners(gateway::Gateway& gateway, rpc::GrpcObserver& observer);
  ~GrpcListeners();  // cancels what is in flight
  GrpcListeners(const GrpcListeners&) = delete;
  GrpcListeners& operator=(const GrpcListeners&) = delete;

  // Makes methods, and starts servers where they are needed, which is all that can fail; what
  // served before serves on. After a success commit() or discard() is due, after a failure nothing.
  // At an address that stays the new one gets its share of connections from now on, so this is the
  // last of what may fail.
  Result<> prepare(const Options& options, const SiteContext& context, std::size_t threads);
  // What is new takes over, and those without a listener leave: calls in flight have so long,
  // then they are cancelled.
  void commit(Duration grace);
  // What is new goes; calls that it has begun to answer have so long.
  void discard(Duration grace);

  // All leave: no new calls; those in flight have so long, then they are cancelled.
  void drain(Duration grace);
  // All that left have ended: every call has been answered.
  [[nodiscard]] bool idle() const;
  // What is still in flight in those that leave is cancelled now.
  void abort();
  [[nodiscard]] std::vector<std::string> addresses() const;

 private:
  struct Server;
  using Servers = std::list<Server>;
  Result<> start(const ListenerOptions& listener, const Options& options,
                 const SiteContext& context, std::size_t threads);
  bool keep(const ListenerOptions& listener, const SiteContext& context);
  Result<> read_certificates();
  void leave(Servers& from, Servers::iterator server, Duration grace);
  void drop_ended();

  gateway::Gateway& gateway_;
  rpc::GrpcObserver& observer_;
  std::size_t started_ = 0;
  Servers servers_;
  Servers next_;     // from prepare() to commit() or discard()
  Servers leaving_;  // answer their last calls
};

}  // namespace sluice::app
