// Those of one class that wait for a slot of one backend.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "scheduling/policy.h"
#include "scheduling/service_rate.h"
#include "scheduling/slot_events.h"
#include "scheduling/tenant_shares.h"

namespace sluice::scheduling {

// Takes in, turns away, chooses. Belongs to a SlotQueue, which says when somebody may start. One
// thread; the time is passed in.
class ClassQueue {
 public:
  // `callable` stands in messages. All three outlive it.
  ClassQueue(const SlotOptions& options, ServiceClass service_class, const std::string& callable,
             const SlotPolicy& policy);

  // Lets it wait, or turns it away, or another for it. `runs_at_once`: a slot is free for it.
  void arrive(const Arrival& arrival, bool runs_at_once, TimePoint now, Actions& out);
  // Takes the one out whose turn it is; there is one. It is charged to its tenant.
  Waiter take(bool for_share, TimePoint now);
  // It waits no longer; false where it did not.
  bool remove(TicketId ticket);
  // Its call is over: it held its slot so long and cost so much; without a cost it never ran.
  void finished(const Waiter& call, Duration held, std::optional<double> cost);
  // Turns away who has waited too long or in vain.
  void sweep(TimePoint now, Actions& out);
  // When sweep() might have somebody to turn away.
  [[nodiscard]] std::optional<TimePoint> next_sweep() const;

  [[nodiscard]] std::size_t size() const { return waiters_.size(); }
  [[nodiscard]] bool empty() const { return waiters_.empty(); }
  [[nodiscard]] std::size_t depth() const { return depth_; }
  // More come than can be served: of adaptive order only.
  [[nodiscard]] bool overloaded(TimePoint now) const;
  // When one who is turned away now should come back: who waits will have been served by then.
  [[nodiscard]] std::chrono::milliseconds retry_after(TimePoint now) const;
  [[nodiscard]] const ServiceRate& rate() const { return rate_; }
  [[nodiscard]] const std::vector<Waiter>& waiters() const { return waiters_; }

 private:
  [[nodiscard]] bool newest_first(TimePoint now) const;
  [[nodiscard]] Duration target() const;
  [[nodiscard]] Duration interval() const;
  [[nodiscard]] std::optional<Refusal> refusal_of(const Waiter& waiter, std::size_t ahead,
                                                  TimePoint now) const;
  bool make_room(const Arrival& arrival, TimePoint now, Actions& out);
  [[nodiscard]] bool hopeless(Deadline deadline, std::size_t ahead, TimePoint now) const;
  [[nodiscard]] std::size_t ahead_of_new(std::string_view tenant, TimePoint now) const;
  void refuse(TicketId ticket, Refusal why, Duration waited, TimePoint now, Actions& out) const;
  void erase(std::size_t index);
  void after_leaving();

  const SlotOptions& slots_;
  const ClassOptions& options_;
  const ServiceClass class_;
  const std::string& callable_;
  const SlotPolicy& policy_;
  const std::size_t depth_;
  std::vector<Waiter> waiters_;  // in the order of their arrival
  TenantShares tenants_;
  ServiceRate rate_;
  std::optional<TimePoint> waiting_since_;  // there has been somebody all the time
};

}  // namespace sluice::scheduling
