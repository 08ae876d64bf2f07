// The way to every callable: the registry, kept up to date on every thread that calls.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "gateway/ensemble.h"
#include "gateway/registry.h"
#include "runtime/executor.h"
#include "telemetry/request_metrics.h"

namespace sluice::gateway {

// A model, or anything else whose versions come and go by themselves.
struct ModelSpec {
  std::string name;
  std::vector<Version> versions;
  // Asked for by an administrator; `done` is called from any thread. Empty: it cannot be done.
  using Done = std::function<void(Result<>)>;
  std::function<void(Done)> load;
  std::function<void(Done)> unload;
};

// An ensemble names its members' targets; they are looked up anew whenever a model changes.
struct EnsembleSpec {
  struct Member {
    std::string name;
    std::string target;
    double weight = 1.0;
  };
  std::string name;
  std::vector<Member> members;
  EnsembleOptions options;
};

// Run by programs that lease its jobs.
struct ExternalSpec {
  std::string name;
  std::string about;  // of its input, for people
};

using CallableSpec = std::variant<ModelSpec, EnsembleSpec, ExternalSpec>;

// One home thread's view of the registry: nothing in it is shared with other threads while it is
// used, so a lookup touches no lock and no foreign cache line. That thread only.
class LocalGateway {
 public:
  explicit LocalGateway(Executor& home) : home_(&home) {}
  [[nodiscard]] const Registry& registry() const { return *registry_; }
  [[nodiscard]] Executor& home() const { return *home_; }

 private:
  friend class Gateway;
  Executor* home_;
  RegistryPtr registry_ = std::make_shared<const Registry>();
};

// Made by app/. configure() and add_home() from the main thread; the rest from any.
class Gateway {
 public:
  Gateway(const Clock& clock, telemetry::Instruments& instruments);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // A thread that will make calls. Its executor must outlive the gateway's last publication.
  LocalGateway& add_home(Executor& home);
  // Before the executor goes, when nothing uses the view any more.
  void remove_home(LocalGateway& local);

  // All that is served, in the order of the configuration. Ensembles whose targets are missing are
  // made all the same: such a member is down. An ensemble that contains itself, or a tower of
  // more than kMaxCallDepth ensembles, is kInvalid.
  Result<> configure(std::vector<CallableSpec> specs);
  // Whether configure() would take them.
  [[nodiscard]] static Result<> check(const std::vector<CallableSpec>& specs);
  // New versions of a model; what calls the old ones finishes on them. Nothing for a name that is
  // no model (any more).
  void set_versions(std::string_view model, std::vector<Version> versions);

  [[nodiscard]] RegistryPtr snapshot() const;
  // kNotFound, or kInvalid where the callable is nothing that can be loaded.
  void load(std::string_view name, ModelSpec::Done done);
  void unload(std::string_view name, ModelSpec::Done done);

  // While false nothing is ready, whatever the models say: starting, or going down.
  void set_accepting(bool accepting) { accepting_.store(accepting); }
  // Accepting, and something can answer.
  [[nodiscard]] bool ready() const;

 private:
  [[nodiscard]] RegistryPtr build() const;      // mutex_ held
  void publish(RegistryPtr registry);           // mutex_ held
  [[nodiscard]] RegistryPtr own_share() const;  // mutex_ held
  void administer(std::string_view name, std::function<void(ModelSpec::Done)> ModelSpec::* what,
                  ModelSpec::Done done);

  const Clock& clock_;
  telemetry::Instruments& instruments_;
  mutable std::mutex mutex_;
  std::vector<CallableSpec> specs_;                    // guarded by mutex_
  RegistryPtr registry_;                               // guarded by mutex_
  std::vector<std::shared_ptr<LocalGateway>> locals_;  // guarded by mutex_
  std::atomic<bool> accepting_ = false;
};

}  // namespace sluice::gateway
