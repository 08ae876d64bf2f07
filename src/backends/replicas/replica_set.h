// Several servers that answer the same: which one to ask next.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backends/replicas/health.h"
#include "backends/replicas/options.h"
#include "base/random.h"
#include "base/time.h"
#include "telemetry/request_metrics.h"

namespace sluice::replicas {

// One of them. A backend derives its own from this, with what it needs to reach it. What is atomic
// may be touched by any thread; the rest belongs to the set.
class Replica {
 public:
  explicit Replica(std::string name) : name_(std::move(name)) {}
  virtual ~Replica() = default;
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }  // unique within a set
  [[nodiscard]] std::uint32_t in_flight() const {
    return in_flight_.load(std::memory_order_relaxed);
  }
  // Not left out: it gets calls.
  [[nodiscard]] bool is_in() const { return in_.load(std::memory_order_relaxed); }
  // It failed too often, and has not proved itself since. One that may not be left out, because
  // others are, gets calls all the same.
  [[nodiscard]] bool is_failing() const { return failing_.load(std::memory_order_relaxed); }
  // Those of the set that it is a member of; they record nothing before.
  [[nodiscard]] const telemetry::ReplicaMetrics& metrics() const { return metrics_; }

 private:
  friend class ReplicaSet;
  const std::string name_;
  telemetry::ReplicaMetrics metrics_;  // set before it becomes a member
  std::atomic<std::uint32_t> in_flight_ = 0;
  std::atomic<std::uint64_t> successes_ = 0;  // since the last failure
  std::atomic<bool> in_ = true;
  std::atomic<bool> failing_ = false;  // health_ is not kIn
  ReplicaHealth health_;               // guarded by the set's mutex
};

using ReplicaPtr = std::shared_ptr<Replica>;
using Members = std::vector<ReplicaPtr>;

// What a call to a replica came to, as far as the replica is to blame. Whether it is to blame for a
// timeout depends on how long it was silent (health.h).
enum class Outcome : std::uint8_t { kSuccess, kFailure, kTimeout, kNeither };

// How long a call took, and half of those that are answered take at most.
struct Took {
  Duration time{};
  Duration median{};
};

// Safe from any thread, and shared by all io threads: a load or a failure that one of them sees
// counts for all. What every call does is a few relaxed atomic operations; the mutex is taken only
// when a replica fails, comes back, or the members change. Time is passed in.
class ReplicaSet {
 public:
  // Gives a new member, by name, what counts its calls.
  using Meter = std::function<telemetry::ReplicaMetrics(const std::string& replica)>;
  explicit ReplicaSet(EjectionOptions options, Meter meter = {})
      : options_(options), meter_(std::move(meter)) {}

  // The members from now on. One whose name was there before stays the object it was, with all that
  // is known of it.
  void update(Members members);
  // Changes with every update(): members() is to be asked for again only then.
  [[nodiscard]] std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  [[nodiscard]] std::shared_ptr<const Members> members() const;

  // Around every call.
  static void begin(Replica& replica) {
    replica.in_flight_.fetch_add(1, std::memory_order_relaxed);
    replica.metrics_.requests.add();
    replica.metrics_.in_flight.add();
  }
  // `took` is looked at for a timeout only. Gives whether the replica is to blame, so that another
  // might do better.
  bool end(Replica& replica, Outcome outcome, TimePoint now, Took took = {});

  // A replica that is failing and due to be probed; null almost always, and then for the price of
  // one load. Who gets one asks it, and must call probe_ended().
  ReplicaPtr due_for_probe(TimePoint now);
  void probe_ended(Replica& replica, bool success, TimePoint now);

  [[nodiscard]] std::size_t out() const;
  // There are members, and all of them are failing.
  [[nodiscard]] bool all_failing() const;

 private:
  using Ticks = Duration::rep;
  static constexpr Ticks kNever = Duration::max().count();
  std::size_t count_out() const;
  void leave_out_if_allowed(Replica& replica);
  void prove(Replica& replica, TimePoint now);
  void note_next_probe();

  const EjectionOptions options_;
  const Meter meter_;
  std::atomic<std::uint64_t> version_ = 0;
  std::atomic<Ticks> next_probe_ = kNever;  // since the clock's epoch
  mutable std::mutex mutex_;
  std::shared_ptr<const Members> members_ = std::make_shared<const Members>();
};

// The power of two choices: of two drawn at random, the one with fewer calls in flight
// (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001). Never `except`,
// and those that are out only when nobody is in. Null when there is nobody.
ReplicaPtr choose(const Members& members, Random& random, const Replica* except = nullptr);

}  // namespace sluice::replicas
