// Language models that come into memory when they are wanted and go when they are idle.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backends/llama/residency.h"
#include "base/time.h"
#include "inference/callable.h"
#include "inference/residency_status.h"
#include "runtime/compute_pool.h"
#include "runtime/executor.h"

namespace sluice::llama {

class HostedCall;
class HostedModel;

// Keeps all models of the process within one budget of memory: room for a model is there before it
// is loaded. Made once by app/, thread-safe. What calls want is loaded by the loader's thread, one
// model after the other; calls that come in the meantime wait.
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
  };

  // `budget` in bytes; 0: no bound.
  ModelHost(Services services, std::uint64_t budget);
  ~ModelHost();

  // It is loaded when it is wanted. The callable keeps its share of the host; when it goes, the
  // model goes as well.
  std::shared_ptr<HostedModel> add(Spec spec);
  // The loader is about to end: what goes from now on goes on the thread that lets go of it.
  void close();

 private:
  friend class HostedCall;
  friend class HostedModel;
  using Waiting = std::deque<std::shared_ptr<HostedCall>>;
  struct Model {
    std::string name;
    Load load;
    CallablePtr callable;     // in memory
    Waiting waiting;          // for that
    TimePoint waits_since{};  // the first of them
    Duration load_took{};     // last time
  };
  static constexpr std::size_t kMostWaiting = 1024;  // calls, for one model
  // After this, those that are in memory take no further calls while one waits for their room.
  static constexpr Duration kPatience = std::chrono::seconds(10);

  struct Entered {
    CallablePtr callable;  // with a call counted for it; null: not yet
    bool waits = false;    // the call is told when it is there
  };
  // One that only drops the model never waits: where it is not in memory, there is nothing to do.
  Result<Entered> enter(const std::string& id, const std::shared_ptr<HostedCall>& call,
                        bool only_drops);
  // A call that waits no longer: it has been answered.
  void forget(const std::string& id, const HostedCall* call);
  Result<> load_if_room(const std::string& id);
  void set_keep_alive(const std::string& id, Duration keep_alive);
  void leave(const std::string& id, std::optional<Duration> keep_alive);
  void remove(const std::string& id);
  [[nodiscard]] bool is_loaded(const std::string& id) const;
  [[nodiscard]] std::optional<Duration> leaves_in(const std::string& id) const;
  Result<> load_here(const std::string& id, const Load& load);
  void was_loaded(const std::string& id, Result<CallablePtr> made, Duration took);
  // It takes a while to give memory back, and engines to end: the loader's thread does it.
  void discard(std::vector<CallablePtr> gone);
  void discard(CallablePtr gone);

  // All with mutex_ held.
  [[nodiscard]] Error busy(const Model& model, std::string message) const;
  [[nodiscard]] bool must_yield(const std::string& id) const;
  void load(const std::string& id, const std::vector<std::string>& evicted);
  void give(Model& model, const std::string& id);
  void try_waiting();
  void arm();
  void expire();  // without

  Services services_;
  mutable std::mutex mutex_;
  ComputePool* loader_;                  // null once it ends; guarded by mutex_
  Residency residency_;                  // guarded by mutex_
  std::map<std::string, Model> models_;  // by id; guarded by mutex_
  std::uint64_t made_ = 0;               // guarded by mutex_
  std::optional<TimePoint> armed_;       // guarded by mutex_
  TimerId timer_ = 0;                    // of the timers' thread
};

// One of its models.
class HostedModel final : public Callable, public Resident {
 public:
  HostedModel(std::shared_ptr<ModelHost> host, std::string id, Description description,
              std::uint64_t bytes);
  ~HostedModel() override;

  [[nodiscard]] const Description& describe() const override { return description_; }
  [[nodiscard]] Placement placement(const Request& /*request*/) const override { return {}; }
  CancelHandle start(const Call& call, RequestPtr request, Sink& sink) override;

  // Here and now, if it fits beside what is in memory, so that its first call need not wait; else
  // that one loads it. The error says why it can't be loaded.
  Result<> load_if_room() { return host_->load_if_room(id_); }
  void set_keep_alive(Duration keep_alive) { host_->set_keep_alive(id_, keep_alive); }

  [[nodiscard]] bool loaded() const override { return host_->is_loaded(id_); }
  [[nodiscard]] std::optional<Duration> leaves_in() const override { return host_->leaves_in(id_); }
  [[nodiscard]] std::uint64_t bytes() const override { return bytes_; }

 private:
  const std::shared_ptr<ModelHost> host_;
  const std::string id_;
  const Description description_;
  const std::uint64_t bytes_;
};

}  // namespace sluice::llama
