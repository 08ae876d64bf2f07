// What the calls of one WireModel share. Internal to the backend.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "backends/generation_wire/dialect.h"
#include "backends/generation_wire/options.h"
#include "backends/generation_wire/pool.h"
#include "backends/replicas/replica_set.h"
#include "backends/replicas/retry.h"
#include "base/random.h"
#include "http/client/client.h"
#include "inference/callable.h"
#include "runtime/io_threads.h"
#include "runtime/per_loop.h"

namespace sluice::generation_wire {

struct Engine final : replicas::Replica {
  Engine(std::size_t i, http::Origin where, std::string path)
      : Replica(http::to_string(where) + path),
        index(i),
        origin(std::move(where)),
        base(std::move(path)) {}
  const std::size_t index;  // in the pool
  const http::Origin origin;
  const std::string base;  // before the paths of the dialect
  std::atomic<bool> reachable = true;
};

// Of one io thread, and used there only.
struct Lane {
  Lane(EventLoop& on, http::Resolver& resolver, const http::ClientOptions& client_options,
       replicas::RetryBudget retry_budget, std::uint64_t seed)
      : loop(on), client(on, resolver, client_options), random(seed), budget(retry_budget) {}
  EventLoop& loop;
  http::Client client;
  Random random;
  replicas::RetryBudget budget;
  replicas::MedianEstimate first_token;  // from the start of an attempt; without tokens, to its end
};

struct Service : std::enable_shared_from_this<Service> {
  struct Target {
    http::Origin origin;
    std::string base;
    EngineOptions options;
  };
  Service(std::string name, const WireOptions& o, std::unique_ptr<const Dialect> speaks,
          const std::vector<Target>& targets, IoThreads& io_threads, http::Resolver& resolver,
          replicas::ReplicaSet::Meter meter);
  // After anything that may have changed whether the engine is left out.
  void update_usable(Engine& engine, TimePoint now);
  // The headers that every request to an engine has.
  void add_headers(http::HeaderList& headers) const;
  // Asks an engine that was left out for long enough whether it is well. On the lane's thread.
  void probe_if_due(Lane& lane);
  // Wakes the pool then, on one of the io threads.
  void wake_pool_at(TimePoint at);

  const WireOptions options;
  const std::unique_ptr<const Dialect> dialect;
  Description description;
  IoThreads& io;
  replicas::ReplicaSet set;
  std::vector<std::shared_ptr<Engine>> engines;
  EnginePool pool;
  PerLoop<Lane> lanes;
};

}  // namespace sluice::generation_wire
