// Which replicas there are: from URLs and what their names resolve to, to the members of a set.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backends/replicas/replica_set.h"
#include "http/client/origin.h"
#include "http/client/resolver.h"
#include "runtime/executor.h"

namespace sluice::http_predict {

// A replica that is reached over HTTP.
struct HttpReplica final : replicas::Replica {
  HttpReplica(http::Origin where, std::string path)
      : Replica(http::to_string(where) + path), origin(std::move(where)), base(std::move(path)) {}
  const http::Origin origin;
  const std::string base;  // before the paths of the service
};

// The origins of one URL. A name with at most one address of each family is one machine: one
// origin, reached by whichever address answers. With more, each address of the family that has the
// most (of the first one, if they have equally many) is an origin of its own.
std::vector<http::Origin> origins_of(const http::Origin& named, const http::Addresses& addresses);

// Keeps a set's members up with the names. Safe from any thread; callers hold a share.
class Directory final : public std::enable_shared_from_this<Directory> {
 public:
  struct Target {
    http::Origin origin;
    std::string base;
  };
  Directory(std::vector<Target> targets, http::Resolver& resolver, replicas::ReplicaSet& set,
            Duration every);

  // True when there is something to choose from, or a reason why not; names that have not been
  // looked at for a while are resolved again in the background. False when the first answers are
  // still to come: then `ready` is posted to `home` once they are there (at most kMaxWaiting calls
  // wait; for others it is true and the set empty). From the home's thread.
  // The set must live as long as someone waits.
  bool ensure(Executor& home, Task& ready);
  static constexpr std::size_t kMaxWaiting = 4096;
  // Whether there is a replica, or may be one: why not, if all names have been looked up in vain.
  [[nodiscard]] Result<> known() const;
  // Why there is no replica, if so.
  [[nodiscard]] Error why_empty() const;

 private:
  void resolve_all(Executor& home);
  void on_resolved(std::size_t target, Result<http::Addresses> result, Executor& home);
  void update_locked(TimePoint now);

  struct Waiter {
    Executor* home;
    Task ready;
  };

  const std::vector<Target> targets_;
  http::Resolver& resolver_;
  replicas::ReplicaSet& set_;
  const Duration every_;
  const std::size_t names_;             // targets that have to be resolved
  std::atomic<Duration::rep> next_{0};  // when to resolve again, since the clock's epoch
  std::atomic<bool> filled_ = false;    // the set has members

  mutable std::mutex mutex_;
  std::size_t resolving_ = 0;  // answers that are still to come
  std::vector<std::optional<Result<http::Addresses>>> answers_;
  std::vector<Waiter> waiters_;
};

}  // namespace sluice::http_predict
