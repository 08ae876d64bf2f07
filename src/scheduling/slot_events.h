// What a queue of slots is told, and what it tells.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "scheduling/policy.h"

namespace sluice::scheduling {

struct Arrival {
  TicketId ticket = 0;
  ServiceClass service_class = ServiceClass::kRealtime;
  std::string_view tenant;
  Deadline deadline;
  double work = 1;  // what it is expected to cost, in the unit of costs
};

// Why a call that waits, or would have to, is turned away.
enum class Refusal : std::uint8_t {
  kQueueFull,     // kExhausted
  kShed,          // kUnavailable: more come than can be served, and it has waited too long
  kHopeless,      // kUnavailable: it would not be done by its deadline
  kQueueTimeout,  // kTimeout: it has waited as long as its class may
  kDeadline,      // kTimeout: its deadline passed
};
inline constexpr std::size_t kRefusalCount = 5;
std::string_view to_string(Refusal refusal);  // "queue_full", ...

// The ticket holds a slot from now on, until it is finished.
struct Started {
  TicketId ticket = 0;
  ServiceClass service_class = ServiceClass::kRealtime;
  Duration waited{};
};
// The ticket is forgotten.
struct Refused {
  TicketId ticket = 0;
  ServiceClass service_class = ServiceClass::kRealtime;
  Refusal refusal = Refusal::kQueueFull;
  Duration waited{};
  Error error;
};
// The ticket holds its slot, and has for longer than is usual. Told once.
struct Overdue {
  TicketId ticket = 0;
  ServiceClass service_class = ServiceClass::kRealtime;
  Duration held{};
};

// What follows from one event, in the order in which it came about.
struct Actions {
  std::vector<Started> started;
  std::vector<Refused> refused;
  std::vector<Overdue> overdue;

  void clear() {
    started.clear();
    refused.clear();
    overdue.clear();
  }
  [[nodiscard]] bool empty() const { return started.empty() && refused.empty() && overdue.empty(); }
};

struct HeldSlot {
  TicketId ticket = 0;
  ServiceClass service_class = ServiceClass::kRealtime;
  TimePoint since;
};

}  // namespace sluice::scheduling
