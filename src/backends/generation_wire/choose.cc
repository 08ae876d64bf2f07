#include "backends/generation_wire/choose.h"

#include <algorithm>
#include <tuple>

namespace sluice::generation_wire {

bool has_slot(const EngineState& engine, ServiceClass service_class) {
  if (engine.used >= engine.slots) return false;
  return service_class == ServiceClass::kRealtime ||
         engine.best_effort + engine.reserved < engine.slots;
}

Choice choose(std::span<const EngineState> engines, ServiceClass service_class, std::uint64_t tried,
              TimePoint now, std::size_t turn, Busy busy) {
  const bool realtime = service_class == ServiceClass::kRealtime;
  const auto fitness = [&](const EngineState& engine) {
    return std::tuple(engine.usable, engine.holds != Holds::kNo,
                      !realtime || !engine.best_effort_only);
  };
  const auto was_tried = [&](std::size_t i) { return (tried >> i & 1U) != 0; };
  std::optional<std::tuple<bool, bool, bool>> best_fitness;
  for (std::size_t i = 0; i < engines.size(); ++i) {
    if (was_tried(i)) continue;
    const auto fits = fitness(engines[i]);
    if (!best_fitness || fits > *best_fitness) best_fitness = fits;
  }
  if (!best_fitness) return {Choice::Kind::kNobody};

  const auto cost = [&](const EngineState& engine) {
    return std::tuple(engine.best_effort_only, engine.busy_until > now, !engine.loaded,
                      (engine.used + 1) / (engine.slots * engine.weight));
  };
  std::optional<std::size_t> best;
  for (std::size_t n = 0; n < engines.size(); ++n) {
    const std::size_t i = (turn + n) % engines.size();
    const EngineState& engine = engines[i];
    if (was_tried(i) || fitness(engine) != *best_fitness) continue;
    if (!has_slot(engine, service_class)) continue;
    if (busy == Busy::kPassOver && engine.busy_until > now) continue;
    if (!best || cost(engine) < cost(engines[*best])) best = i;
  }
  if (!best) return {Choice::Kind::kWait};
  return {Choice::Kind::kEngine, *best};
}

}  // namespace sluice::generation_wire
