// What a metric stands at, for tests; no part of the product.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "telemetry/metrics.h"

namespace sluice::telemetry::testing {

// The value, or the count, of the series with exactly these label values; -1: there is none.
inline double number_of(const Metrics& metrics, std::string_view name,
                        std::initializer_list<std::string_view> labels) {
  for (const auto& family : metrics.collect()) {
    if (family.name != name) continue;
    for (const auto& series : family.series) {
      if (!std::ranges::equal(series.label_values, labels)) continue;
      return family.kind == MetricKind::kHistogram ? static_cast<double>(series.count)
                                                   : series.value;
    }
  }
  return -1;
}

}  // namespace sluice::telemetry::testing
