// What the calls of one HttpPredict share. Internal to the backend.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "backends/http_predict/codec.h"
#include "backends/http_predict/directory.h"
#include "backends/http_predict/options.h"
#include "backends/replicas/replica_set.h"
#include "backends/replicas/retry.h"
#include "base/random.h"
#include "http/client/client.h"
#include "inference/callable.h"
#include "runtime/io_threads.h"
#include "runtime/per_loop.h"

namespace sluice::http_predict {

// Of one io thread, and used there only.
struct Lane {
  Lane(EventLoop& on, http::Resolver& resolver, const http::ClientOptions& client_options,
       replicas::RetryBudget retry_budget, std::uint64_t seed)
      : loop(on), client(on, resolver, client_options), random(seed), budget(retry_budget) {}

  // The members as they are now.
  const replicas::Members& members(const replicas::ReplicaSet& set) {
    if (const auto version = set.version(); version != seen || !known) {
      seen = version;
      known = set.members();
    }
    return *known;
  }

  EventLoop& loop;
  http::Client client;
  Random random;
  AnswerReader reader;
  replicas::RetryBudget budget;
  replicas::MedianEstimate median;

 private:
  std::uint64_t seen = 0;
  std::shared_ptr<const replicas::Members> known;
};

struct Service : std::enable_shared_from_this<Service> {
  Service(std::string name, const HttpPredictOptions& o, std::vector<Directory::Target> targets,
          IoThreads& io_threads, http::Resolver& resolver, replicas::ReplicaSet::Meter meter);

  // By what past calls and probes tell: a replica that nobody has asked yet counts as ready. Any
  // thread, as the next.
  [[nodiscard]] Result<> ready() const;
  // What calls do by the way, for a service that gets none because it is not ready: resolves names
  // and probes a replica, as far as that is due.
  void look_again();
  // On the lane's thread, out of the way of the call that noticed it.
  void probe_if_due(Lane& lane);

  const HttpPredictOptions options;
  Description description;
  replicas::ReplicaSet set;
  std::shared_ptr<Directory> directory;
  PerLoop<Lane> lanes;

 private:
  std::atomic<bool> looking_ = false;  // a task of look_again() is on its way
};

}  // namespace sluice::http_predict
