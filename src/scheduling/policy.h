// The decisions about slots as pure functions of what is the case: whose turn it is, and which of
// those that wait gets the slot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "base/time.h"
#include "scheduling/options.h"
#include "scheduling/tenant_shares.h"

namespace sluice::scheduling {

// Names a call in its queue; chosen by the caller, never two at once with the same.
using TicketId = std::uint64_t;

// One call that waits.
struct Waiter {
  TicketId ticket = 0;
  TimePoint arrived;
  Deadline deadline;
  TenantIndex tenant = 0;
  double work = 1;
};

// The slots at one moment.
struct Occupancy {
  static constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

  Preemption preemption = Preemption::kNone;
  std::size_t slots = 1;              // of all classes; with full preemption, of realtime
  std::size_t best_effort_slots = 1;  // which best effort may have at most
  std::size_t realtime_slots = kAll;  // of `slots`, which realtime may have at most
  std::size_t realtime_held = 0;
  std::size_t best_effort_held = 0;
  bool realtime_waits = false;
  bool best_effort_waits = false;
  bool share_due = false;  // best effort has had less than its share

  // Whether a call of this class could get a slot, were the other class not there.
  [[nodiscard]] bool has_room(ServiceClass service_class) const;
};

// Who gets a slot next.
enum class Turn : std::uint8_t {
  kNobody,
  kRealtime,
  kBestEffort,
  kShare,  // best effort, before realtime, because its share is due
};
Turn next_turn(const Occupancy& now);

// How to choose among those of one class that wait.
struct Choosing {
  TimePoint now;
  bool newest_first = false;
  bool share = false;  // the slot is given for the share
  Duration ageing_after = Duration::max();
  Duration promote_after = Duration::max();
};

// Which of `waiters`, who stand in the order of their arrival and are at least one, by its index.
//
// For the share: the oldest of all where it is promoted. Else the tenant that got least, and of its
// calls the oldest that has aged; else, in the order of the class, the newest or the oldest one.
std::size_t choose(std::span<const Waiter> waiters, const TenantShares& tenants,
                   const Choosing& how);

// The decisions as a value of the queue, so that a test can put wrong ones in their place and see
// them found. Has no state; must outlive the queues that use it.
class SlotPolicy {
 public:
  constexpr SlotPolicy() = default;
  constexpr virtual ~SlotPolicy() = default;
  [[nodiscard]] virtual Turn next_turn(const Occupancy& now) const {
    return scheduling::next_turn(now);
  }
  [[nodiscard]] virtual std::size_t choose(std::span<const Waiter> waiters,
                                           const TenantShares& tenants, const Choosing& how) const {
    return scheduling::choose(waiters, tenants, how);
  }
};

inline constexpr SlotPolicy kStandardPolicy;

}  // namespace sluice::scheduling
