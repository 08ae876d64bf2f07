#include "telemetry/slot_metrics.h"

namespace sluice::telemetry {

SlotMetrics slot_metrics(Metrics& metrics, std::string_view callable,
                         std::string_view service_class) {
  SlotMetrics made;
  made.waiting = metrics.gauge(
      {"sluice_slot_queue_depth", "Calls that wait for a slot.", {"callable", "class"}},
      {callable, service_class});
  made.held = metrics.gauge({"sluice_slots_held", "Slots that calls hold.", {"callable", "class"}},
                            {callable, service_class});
  made.wait = metrics.durations({"sluice_slot_wait_duration_seconds",
                                 "From a call's arrival to its slot, in seconds.",
                                 {"callable", "class"}},
                                {callable, service_class});
  const FamilyOptions refused{"sluice_slot_refusals_total",
                              "Calls that got no slot, by why.",
                              {"callable", "class", "reason"}};
  for (std::size_t i = 0; i < kSlotRefusals.size(); ++i) {
    made.refused[i] = metrics.counter(refused, {callable, service_class, kSlotRefusals[i]});
  }
  made.overdue = metrics.counter({"sluice_slots_overdue_total",
                                  "Slots that were held for so long that they may be lost.",
                                  {"callable", "class"}},
                                 {callable, service_class});
  return made;
}

}  // namespace sluice::telemetry
