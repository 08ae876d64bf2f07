// Who gets a slot of one backend, and who is turned away: the whole of scheduling, without threads,
// clocks or calls. What it promises is checked over thousands of random histories by
// simulation_test.cc.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scheduling/best_effort_share.h"
#include "scheduling/class_queue.h"
#include "scheduling/slot_events.h"

namespace sluice::scheduling {

// A state machine: each event is told with its time, which does not go back, and what follows from
// it is added to `out`. The owner does what it says and calls poll() at next_timer() or later. One
// thread at a time.
//
//   - Without preemption realtime starts at once while a reserved slot is free, and never waits
//     while any slot is free. With full preemption it waits for best effort only where the share
//     is due.
//   - While best effort waits it gets its share of the engine's time, give or take what runs
//     already; the oldest that is promoted gets it first, in every order.
//   - A ticket that was started holds a slot until finish(); one that was refused or cancelled is
//     forgotten. Nothing else is.
//   - No class has more waiting than its depth, and nobody waits beyond its deadline or the queue
//     timeout of its class.
class SlotQueue {
 public:
  // `callable` stands in messages. The policy outlives the queue.
  SlotQueue(const SlotOptions& options, std::string callable,
            const SlotPolicy& policy = kStandardPolicy);
  SlotQueue(const SlotQueue&) = delete;
  SlotQueue& operator=(const SlotQueue&) = delete;

  void arrive(const Arrival& arrival, TimePoint now, Actions& out);
  // It is wanted no longer. True where it waited, and is forgotten; false where it holds a slot
  // (until it is finished) or is not known.
  bool cancel(TicketId ticket, TimePoint now, Actions& out);
  // It gives back its slot; without a cost it never ran. Does nothing where it holds none.
  void finish(TicketId ticket, TimePoint now, std::optional<double> cost, Actions& out);
  void poll(TimePoint now, Actions& out);
  [[nodiscard]] std::optional<TimePoint> next_timer() const;

  [[nodiscard]] std::size_t waiting(ServiceClass service_class) const {
    return queue(service_class).size();
  }
  [[nodiscard]] const ClassQueue& queue(ServiceClass service_class) const {
    return service_class == ServiceClass::kRealtime ? realtime_ : best_effort_;
  }
  [[nodiscard]] std::size_t held(ServiceClass service_class) const {
    return service_class == ServiceClass::kRealtime ? realtime_held_ : best_effort_held_;
  }
  // In the order of their starts.
  [[nodiscard]] std::vector<HeldSlot> held_slots() const;
  // Of both classes together.
  [[nodiscard]] std::size_t total_slots() const;
  [[nodiscard]] const SlotOptions& options() const { return options_; }

 private:
  struct Held {
    Waiter call;
    ServiceClass service_class;
    TimePoint since;
    bool reported = false;
  };
  ClassQueue& queue(ServiceClass service_class) {
    return service_class == ServiceClass::kRealtime ? realtime_ : best_effort_;
  }
  std::size_t& held_of(ServiceClass service_class) {
    return service_class == ServiceClass::kRealtime ? realtime_held_ : best_effort_held_;
  }
  [[nodiscard]] EngineUse use() const;
  [[nodiscard]] Occupancy occupancy(bool share_due) const;
  // Before anything changes: accounts for the time since the last event.
  void begin(TimePoint now, Actions& out);
  // After a change: gives out what slots are free.
  void hand_out(TimePoint now, Actions& out);

  const SlotOptions options_;
  const std::string callable_;
  const SlotPolicy& policy_;
  ClassQueue realtime_;
  ClassQueue best_effort_;
  BestEffortShare share_;
  std::vector<Held> held_;
  std::size_t realtime_held_ = 0;
  std::size_t best_effort_held_ = 0;
};

}  // namespace sluice::scheduling
