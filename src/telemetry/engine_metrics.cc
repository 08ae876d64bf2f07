#include "telemetry/engine_metrics.h"

namespace sluice::telemetry {

EngineMetricsByClass engine_metrics(Metrics& metrics, std::string_view model) {
  const FamilyOptions tokens{"sluice_engine_tokens_total",
                             "Tokens that engines have computed, step by step, by kind.",
                             {"model", "class", "kind"}};
  const FamilyOptions step{"sluice_engine_step_duration_seconds",
                           "One step of an engine by the class it was made for, in seconds.",
                           {"model", "class"}};
  EngineMetricsByClass made;
  constexpr std::array<std::string_view, 2> kClasses = {"realtime", "best_effort"};
  for (std::size_t i = 0; i < made.size(); ++i) {
    made[i] = {.prompt_tokens = metrics.counter(tokens, {model, kClasses[i], "prompt"}),
               .completion_tokens = metrics.counter(tokens, {model, kClasses[i], "completion"}),
               .step = metrics.durations(step, {model, kClasses[i]})};
  }
  return made;
}

}  // namespace sluice::telemetry
