// The worker: takes jobs from the store when there is room to run them, and accounts for each.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "jobs/breaker.h"
#include "jobs/hub.h"
#include "jobs/runner.h"
#include "jobs/store.h"
#include "runtime/executor.h"

namespace sluice::jobs {

// One callable's jobs.
struct QueueOptions {
  std::string callable;
  std::size_t slots = 16;  // run at once, by this worker
  Duration timeout{};      // of one attempt; zero: the callable's own
  ServiceClass service_class = ServiceClass::kBestEffort;
};

struct ConsumerOptions {
  std::string worker;  // its name in records and the log
  Duration lease = std::chrono::seconds(30);
  // Without news it looks by itself, in case some was lost.
  Duration look_every = std::chrono::seconds(5);
  Breaker::Options breaker;
};

// What it did, for metrics and the log. Called on the consumer's home thread.
class ConsumerObserver {
 public:
  virtual void on_begin(const Job& job, WallTime now) = 0;
  // The attempt has ended; `took` since it began.
  // `output` is what came of it; null where nothing did.
  virtual void on_attempt(const Job& job, const Outcome& outcome, Duration took,
                          const RunOutput* output) = 0;
  // The store was told; kConflict when the attempt had been taken from us.
  virtual void on_finished(const Job& job, const Result<Job>& after) = 0;

 protected:
  ~ConsumerObserver() = default;
};

// Lives on one home thread: all but the constructor, the destructor and announce() belong there.
// Claims only what it can start at once, so jobs wait in the store and never in here. Leases are
// extended from this thread, which no long run holds up. What a crash leaves behind is taken over
// by others when its lease has run out.
//
// A job that finds the backend away time and again, while others before and after it complete, is
// taken for one that breaks it: from then on that counts as its failure.
//
// Jobs that are cancelled are stopped at once; so are those whose lease was lost.
class Consumer {
 public:
  Consumer(Executor& home, Store& store, Hub& hub, Runner& runner, ConsumerObserver& observer,
           const Clock& clock, std::uint64_t seed, ConsumerOptions options);
  // After drain() has said that it is done, on the home thread or when that has ended.
  ~Consumer();
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  // What it takes from now on. What it has already is finished.
  void set_queues(std::vector<QueueOptions> queues);
  // Takes no more. `done` runs when all that it has is accounted for.
  void drain(Task done);
  // After drain(). Stops what still runs: it goes back to the queue, and others may have it at
  // once. What a store that is away cannot be told is given up.
  void release_all();
  [[nodiscard]] std::size_t running() const { return held_.size(); }

 private:
  struct Queue {
    QueueOptions options;
    std::size_t running = 0;
    bool ready = true;  // there may be something to claim
    std::uint32_t asked = 0;
    Breaker breaker;
    // Jobs whose calls ended as when the backend is away: what it completed of others when that was
    // last seen of one, and how often it had completed some since the time before.
    struct Doubt {
      std::uint64_t completed = 0;
      std::uint32_t times = 0;
    };
    std::uint64_t completed = 0;
    std::unordered_map<std::string, Doubt> doubts{};  // by id; of kMostDoubts at most
  };
  struct Held;
  using HeldPtr = std::shared_ptr<Held>;

  void look();  // on home: claims for all queues that may have something
  void claimed(const std::vector<ClaimRequest::Queue>& asked, Result<std::vector<Claimed>> result);
  void begin(Claimed claimed);
  void ended(const HeldPtr& held, Result<RunOutput> output);
  // Is it the job rather than the backend, for all that has been seen here?
  static bool breaks_backend(Queue& queue, const std::string& id);
  void settle(const HeldPtr& held, Outcome outcome, Duration wait);
  void settled(const HeldPtr& held, const Outcome& outcome, Duration wait, Result<Job> result);
  void forget(const HeldPtr& held);
  void extend_leases();
  // Attempts of this job that are over before `attempt` began, or end with it.
  void stop(const std::string& id, std::uint32_t attempt);
  void look_at(TimePoint when);
  void on_ready(std::string_view callable);
  void every_look();
  void finish_drain();

  Executor& home_;
  Store& store_;
  Runner& runner_;
  ConsumerObserver& observer_;
  const Clock& clock_;
  Random random_;
  ConsumerOptions options_;
  std::map<std::string, Queue, std::less<>> queues_;
  // By job and attempt: one that lost its lease may run still when the next is claimed here.
  std::map<std::pair<std::string, std::uint32_t>, HeldPtr> held_;
  bool claiming_ = false;
  bool draining_ = false;
  bool released_ = false;
  Task drained_;
  TimerId lease_timer_ = 0;
  TimerId look_timer_ = 0;
  TimerId retry_timer_ = 0;
  TimePoint retry_at_{};
  // What listeners of the hub may still touch when this has gone.
  struct Door;
  std::shared_ptr<Door> door_;
};

}  // namespace sluice::jobs
