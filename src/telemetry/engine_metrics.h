// The numbers of the engines of language models: every name and label in this one place.
#pragma once

#include <array>
#include <string_view>

#include "telemetry/metrics.h"

namespace sluice::telemetry {

// Of one model and service class, while it computes: an answer that takes minutes shows from its
// first step on.
struct EngineMetrics {
  Counter prompt_tokens;  // computed, not those that were there already
  Counter completion_tokens;
  DurationHistogram step;  // in which this class was the one that it was made for
};
// The best class first, as ServiceClass has them.
using EngineMetricsByClass = std::array<EngineMetrics, 2>;
EngineMetricsByClass engine_metrics(Metrics& metrics, std::string_view model);

}  // namespace sluice::telemetry
