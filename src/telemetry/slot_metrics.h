// The numbers of slots and of those who wait for one: every name and label in this one place.
#pragma once

#include <array>
#include <string_view>

#include "telemetry/metrics.h"

namespace sluice::telemetry {

// Why a call got no slot. In the order of scheduling::Refusal.
inline constexpr std::array<std::string_view, 5> kSlotRefusals = {"queue_full", "shed", "hopeless",
                                                                  "queue_timeout", "deadline"};

// Of one callable and service class.
struct SlotMetrics {
  Gauge waiting;
  Gauge held;
  DurationHistogram wait;  // of those who got a slot
  std::array<Counter, kSlotRefusals.size()> refused;
  Counter overdue;  // slots that were held for suspiciously long
};
SlotMetrics slot_metrics(Metrics& metrics, std::string_view callable,
                         std::string_view service_class);

}  // namespace sluice::telemetry
