// The slots of a callable's engines, and the calls that wait for one.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/generation_wire/choose.h"
#include "base/result.h"
#include "base/time.h"
#include "inference/queue_status.h"

namespace sluice::generation_wire {

// A call that may wait.
class Waiter {
 public:
  virtual ~Waiter() = default;
  // It has a slot of this engine now. On any thread, no lock held: it takes the news home. A call
  // that is over by then gives the slot back.
  virtual void on_slot(std::size_t engine) = 0;
  // Whose call it is, for people: its request id. Any thread.
  [[nodiscard]] virtual std::string_view holder() const = 0;
};

// Safe from any thread; shared by all io threads, behind one mutex: a call of a language model is
// long. Realtime calls come before best-effort ones, and within a class the one that came first.
// Who waits, and who comes after those who wait, is not sent to an engine that said that it is busy
// until that time is over. A slot is taken by take() or on_slot() and given back by exactly one
// give_back(); a call has one at a time.
class EnginePool {
 public:
  // Asks for a wake() at that time. On the thread that calls the pool, no lock held.
  using Alarm = std::function<void(TimePoint)>;
  // `max_waiting`: of each class.
  EnginePool(std::vector<EngineState> engines, std::size_t max_waiting, Alarm alarm = {})
      : engines_(std::move(engines)), max_waiting_(max_waiting), alarm_(std::move(alarm)) {}

  // The engine whose slot it has now; none: it waits. kExhausted, with when to come back, when too
  // many of its class wait; kUnavailable when all were tried.
  Result<std::optional<std::size_t>> take(const std::shared_ptr<Waiter>& waiter,
                                          ServiceClass service_class, std::uint64_t tried,
                                          TimePoint now);
  // It waits no longer. Nothing happens when it has a slot by now.
  void leave(const Waiter& waiter);
  // `took`: how long the call held it, if that says how long others will; else zero.
  void give_back(const Waiter& waiter, Duration took, TimePoint now);
  // Something else became known of an engine.
  void learn(std::size_t engine, TimePoint now, const std::function<void(EngineState&)>& change);
  // The time of an alarm has come.
  void wake(TimePoint now);

  [[nodiscard]] std::vector<EngineState> engines() const;
  [[nodiscard]] std::size_t waiting(ServiceClass service_class) const;
  [[nodiscard]] QueueStatus status(TimePoint now) const;

 private:
  struct Entry {
    std::weak_ptr<Waiter> waiter;
    const Waiter* which;
    std::uint64_t tried;
  };
  struct Held {
    const Waiter* which;
    std::size_t engine;
    ServiceClass service_class;
    TimePoint since;
    std::string holder;
  };
  using Grants = std::vector<std::pair<std::shared_ptr<Waiter>, std::size_t>>;
  // What is to be done without the lock.
  struct News {
    Grants grants;
    std::optional<TimePoint> alarm;
  };
  News grant_locked(TimePoint now);
  void hold_locked(const Waiter& waiter, std::size_t engine, ServiceClass service_class,
                   TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_alarm_locked(TimePoint now);
  void tell(const News& news) const;
  [[nodiscard]] std::chrono::milliseconds wait_locked(std::size_t before) const;

  mutable std::mutex mutex_;
  std::vector<EngineState> engines_;
  const std::size_t max_waiting_;
  const Alarm alarm_;
  std::optional<TimePoint> alarm_at_;  // asked for and not come yet
  std::deque<Entry> realtime_;
  std::deque<Entry> best_effort_;
  std::vector<Held> held_;  // the oldest first
  std::size_t turn_ = 0;
  double mean_call_ = 0;  // ns, a moving average; zero: not known
};

}  // namespace sluice::generation_wire
