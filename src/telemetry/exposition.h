// Metrics as Prometheus reads them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "telemetry/metrics.h"

namespace sluice::telemetry {

// The Content-Type of what prometheus_text gives.
inline constexpr std::string_view kPrometheusContentType =
    "text/plain; version=0.0.4; charset=utf-8";

// The text exposition format, version 0.0.4
// (prometheus.io/docs/instrumenting/exposition_formats). Durations are in seconds.
std::string prometheus_text(std::span<const FamilySample> families);

}  // namespace sluice::telemetry
