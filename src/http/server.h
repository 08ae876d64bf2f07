// The HTTP server: listening sockets on every io thread, connections, limits, draining.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/address.h"
#include "http/server_observer.h"
#include "http/server_options.h"
#include "http/site.h"
#include "runtime/io_threads.h"

namespace sluice::http {

// Owned by app/ and driven from its main thread; everything it serves happens on the io threads,
// which must outlive it. A TCP listener has one socket a loop (SO_REUSEPORT), so that the kernel
// spreads connections and no lock is shared.
class Server {
 public:
  // `seed` is what request ids are made from.
  Server(IoThreads& threads, const ServerLimits& limits, const Clock& clock,
         ServerObserver& observer, std::uint64_t seed);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Makes the snapshot of one loop: a site whose shared state is not shared between cores is
  // cheapest, but the same pointer for all is fine.
  using SiteMaker = std::function<SitePtr(std::size_t loop)>;

  // Starts listening; the address as bound (the port that the kernel chose, where it was 0). Fails
  // with kUnavailable when the address is taken, also by another process of the same user.
  Result<ListenAddress> listen(const ListenAddress& address, const SiteMaker& site);
  // Swaps what a listener serves. `address` as returned by listen().
  Result<> replace(const ListenAddress& address, const SiteMaker& site);
  // Stops listening; connections that are open live on until they are idle.
  void close(const ListenAddress& address);
  [[nodiscard]] std::vector<ListenAddress> addresses() const;

  // Closes listeners and idle connections; the others are closed after their answer.
  void drain();
  void abort();
  [[nodiscard]] std::int64_t open_connections() const;
  [[nodiscard]] std::int64_t in_flight() const;

 private:
  struct Listener;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::http
