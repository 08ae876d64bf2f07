// From host names to addresses.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "http/client/address.h"
#include "runtime/executor.h"

namespace sluice::http {

// Safe from any thread.
class Resolver {
 public:
  using Done = std::move_only_function<void(Result<Addresses>)>;
  virtual ~Resolver() = default;

  // Called on the thread of `home`, and answers there: at once (before it returns) when it can. The
  // addresses have port 0 and are at least one; kUnavailable when the name cannot be resolved.
  virtual void resolve(const std::string& host, Executor& home, Done done) = 0;
};

// Asks the machine (getaddrinfo: /etc/hosts, DNS, ...) on threads of its own and remembers.
//
// An answer younger than `ttl` is given at once. An older one is still given at once, while a new
// one is fetched behind it, until it is older than `keep`; so a name that is in use follows its DNS
// within about `ttl`, and a name server that fails for a while costs nothing. Lookups of one name
// share one question. The destructor waits for the question under way, and drops the callbacks of
// those that were not answered.
class CachingResolver final : public Resolver {
 public:
  struct Options {
    Duration ttl = std::chrono::seconds(5);
    Duration failure_ttl = std::chrono::seconds(1);  // how long "there is no such name" is believed
    Duration keep = std::chrono::seconds(60);
    std::size_t max_names = 1024;    // remembered; the one not used for longest goes first
    std::size_t max_waiting = 1024;  // callers waiting for an answer; beyond it kExhausted
    std::size_t threads = 2;
  };
  // Blocks; called on the resolver's threads. kUnavailable with the reason.
  using Lookup = std::function<Result<Addresses>(const std::string& host)>;

  CachingResolver(Options options, const Clock& clock);
  CachingResolver(Options options, const Clock& clock, Lookup lookup);
  ~CachingResolver() override;

  void resolve(const std::string& host, Executor& home, Done done) override;
  [[nodiscard]] std::size_t names() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

// getaddrinfo(3), for streams; each address once, in its order (RFC 6724).
Result<Addresses> system_lookup(const std::string& host);

}  // namespace sluice::http
