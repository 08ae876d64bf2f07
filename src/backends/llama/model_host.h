// Language models that come into memory when they are wanted and go when they are idle.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backends/llama/residency.h"
#include "base/time.h"
#include "inference/callable.h"
#include "runtime/compute_pool.h"
#include "runtime/executor.h"

namespace sluice::llama {

class HostedCall;
class HostedModel;

// Keeps all models of the process within one budget of memory. Made once by app/, thread-safe.
// Loading is done by the loader's thread, one model after the other; calls that come in the
// meantime wait.
class ModelHost final : public std::enable_shared_from_this<ModelHost> {
 public:
  struct Services {
    ComputePool& loader;
    Executor& timers;
    const Clock& clock;
  };
  // What is to be in memory, as the loader's thread makes it.
  using Load = std::function<Result<CallablePtr>()>;
  struct Spec {
    std::string name;
    Description description;
    std::uint64_t bytes = 0;
    Duration keep_alive{};
    Load load;
    CallablePtr loaded;  // already; null: it is loaded when it is wanted
  };

  // `budget` in bytes; 0: no bound.
  ModelHost(Services services, std::uint64_t budget);
  ~ModelHost();

  // The callable keeps its share of the host. When it goes, so does the model, at once and on the
  // thread that lets go of it.
  std::shared_ptr<HostedModel> add(Spec spec);

  // What is in memory, for those who list it.
  struct Resident {
    std::string name;
    std::uint64_t bytes = 0;
    std::optional<Duration> left;  // until it goes; none: it stays
  };
  [[nodiscard]] std::vector<Resident> residents() const;

 private:
  friend class HostedCall;
  friend class HostedModel;
  struct Model {
    std::string name;
    Load load;
    CallablePtr callable;                             // in memory
    std::deque<std::shared_ptr<HostedCall>> waiting;  // for that
  };
  static constexpr std::size_t kMostWaiting = 1024;  // calls, for one model

  // Either the callable, with a call counted for it, or the call waits, or an error.
  Result<CallablePtr> enter(const std::string& id, const std::shared_ptr<HostedCall>& call);
  void leave(const std::string& id, std::optional<Duration> keep_alive);
  void remove(const std::string& id);
  void load(const std::string& id, std::vector<CallablePtr> evicted);  // mutex_ held
  void was_loaded(const std::string& id, Result<CallablePtr> made);
  void try_waiting();  // mutex_ held
  void arm();          // mutex_ held
  void expire();

  Services services_;
  mutable std::mutex mutex_;
  Residency residency_;                  // guarded by mutex_
  std::map<std::string, Model> models_;  // by id; guarded by mutex_
  std::uint64_t made_ = 0;               // guarded by mutex_
  std::optional<TimePoint> armed_;       // guarded by mutex_
};

// One of its models.
class HostedModel final : public Callable {
 public:
  HostedModel(std::shared_ptr<ModelHost> host, std::string id, Description description);
  ~HostedModel() override;

  [[nodiscard]] const Description& describe() const override { return description_; }
  [[nodiscard]] Placement placement(const Request& /*request*/) const override { return {}; }
  CancelHandle start(const Call& call, RequestPtr request, Sink& sink) override;

 private:
  const std::shared_ptr<ModelHost> host_;
  const std::string id_;
  const Description description_;
};

}  // namespace sluice::llama
