// The slots of a callable's engines, and the calls that wait for one.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "backends/generation_wire/choose.h"
#include "base/result.h"
#include "base/time.h"

namespace sluice::generation_wire {

// A call that may wait.
class Waiter {
 public:
  virtual ~Waiter() = default;
  // It has a slot of this engine now. On any thread, no lock held: it takes the news home. A call
  // that is over by then gives the slot back.
  virtual void on_slot(std::size_t engine) = 0;
};

// Safe from any thread; shared by all io threads, behind one mutex: a call of a language model is
// long. Realtime calls come before best-effort ones, and within a class the one that came first.
// A slot is taken by take() or on_slot() and given back by exactly one give_back().
class EnginePool {
 public:
  EnginePool(std::vector<EngineState> engines, std::size_t max_waiting)
      : engines_(std::move(engines)), max_waiting_(max_waiting) {}

  // The engine whose slot it has now; none: it waits. kExhausted, with when to come back, when too
  // many wait; kUnavailable when all were tried.
  Result<std::optional<std::size_t>> take(const std::shared_ptr<Waiter>& waiter,
                                          ServiceClass service_class, std::uint64_t tried,
                                          TimePoint now);
  // It waits no longer. Nothing happens when it has a slot by now.
  void leave(const Waiter& waiter);
  // `took`: how long the call held it, if that says how long others will; else zero.
  void give_back(std::size_t engine, Duration took, TimePoint now);
  // Something else became known of an engine.
  void learn(std::size_t engine, TimePoint now, const std::function<void(EngineState&)>& change);

  [[nodiscard]] std::vector<EngineState> engines() const;
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Entry {
    std::weak_ptr<Waiter> waiter;
    const Waiter* which;
    std::uint64_t tried;
  };
  using Grants = std::vector<std::pair<std::shared_ptr<Waiter>, std::size_t>>;
  Grants grant_locked(TimePoint now);
  static void tell(const Grants& grants);
  [[nodiscard]] std::chrono::milliseconds wait_locked() const;

  mutable std::mutex mutex_;
  std::vector<EngineState> engines_;
  const std::size_t max_waiting_;
  std::deque<Entry> realtime_;
  std::deque<Entry> best_effort_;
  std::size_t turn_ = 0;
  double mean_call_ = 0;  // ns, a moving average; zero: not known
};

}  // namespace sluice::generation_wire
