#include "telemetry/exposition.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <vector>

namespace sluice::telemetry {

namespace {

prometheus::MetricType type_of(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter:
      return prometheus::MetricType::Counter;
    case MetricKind::kGauge:
      return prometheus::MetricType::Gauge;
    case MetricKind::kHistogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

prometheus::ClientMetric metric_of(const FamilySample& family, const SeriesSample& series) {
  prometheus::ClientMetric metric;
  for (std::size_t i = 0; i < family.labels.size(); ++i) {
    metric.label.push_back({family.labels[i], series.label_values[i]});
  }
  metric.counter.value = series.value;
  metric.gauge.value = series.value;
  metric.histogram.sample_count = series.count;
  metric.histogram.sample_sum = series.sum;
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < series.buckets.size(); ++i) {
    cumulative += series.buckets[i];
    const bool last = i == family.bounds.size();
    metric.histogram.bucket.push_back(
        {cumulative, last ? std::numeric_limits<double>::infinity() : family.bounds[i]});
  }
  return metric;
}

}  // namespace

std::string prometheus_text(std::span<const FamilySample> families) {
  std::vector<prometheus::MetricFamily> converted;
  converted.reserve(families.size());
  for (const auto& family : families) {
    prometheus::MetricFamily next{family.name, family.help, type_of(family.kind), {}};
    next.metric.reserve(family.series.size());
    for (const auto& series : family.series) next.metric.push_back(metric_of(family, series));
    converted.push_back(std::move(next));
  }
  return prometheus::TextSerializer().Serialize(converted);
}

}  // namespace sluice::telemetry
