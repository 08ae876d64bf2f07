// The numbers that the process shows about itself. app/ makes one Metrics and hands it on.
//
// A family (a name with its label names) is registered at start or when a snapshot is built; a
// handle for one set of label values is resolved then too and kept. Asking again for the same
// family and labels gives the same handle, so a configuration can be read again without a number
// starting over. All of this takes a lock and is not for the request path; the handles
// (telemetry/metric_handles.h) are.
//
// Everything here may be called from any thread. Metrics must outlive its handles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/metric_handles.h"

namespace sluice::telemetry {

// The most sets of label values a family keeps apart. What comes after them is counted together in
// one set whose labels all read "other".
inline constexpr std::size_t kDefaultMaxSeries = 1000;
// Longer label values are cut at a character.
inline constexpr std::size_t kMaxLabelValueBytes = 200;
inline constexpr std::size_t kMaxHistogramBounds = 64;
inline constexpr std::string_view kOtherLabel = "other";
// Counts the sets of label values that went to "other", by metric.
inline constexpr std::string_view kOverflowMetric = "sluice_metric_label_overflow_total";

enum class MetricKind : std::uint8_t { kCounter, kGauge, kHistogram };

struct FamilyOptions {
  std::string name;  // as Prometheus wants it: [a-zA-Z_:][a-zA-Z0-9_:]*
  std::string help;  // one sentence, with the unit
  std::vector<std::string> labels{};
  std::size_t max_series = kDefaultMaxSeries;
};

// One set of label values at one moment.
struct SeriesSample {
  std::vector<std::string> label_values;
  double value = 0;                      // counters and gauges
  std::vector<std::uint64_t> buckets{};  // histograms: one a bound, then above all; not cumulative
  std::uint64_t count = 0;
  double sum = 0;
};
// One family at one moment, series in the order of their labels.
struct FamilySample {
  std::string name;
  std::string help;
  MetricKind kind = MetricKind::kCounter;
  std::vector<std::string> labels{};
  std::vector<double> bounds{};
  std::vector<SeriesSample> series{};
};

class MetricsState;

// Keeps a callback registered; when it is destroyed the callback is not running and never will.
class CallbackGuard {
 public:
  CallbackGuard() = default;
  CallbackGuard(CallbackGuard&& other) noexcept;
  CallbackGuard& operator=(CallbackGuard&& other) noexcept;
  ~CallbackGuard();

 private:
  friend class Metrics;
  CallbackGuard(std::weak_ptr<MetricsState> state, std::uint64_t id);
  void release();
  std::weak_ptr<MetricsState> state_;
  std::uint64_t id_ = 0;
};

class Metrics {
 public:
  using LabelValues = std::span<const std::string_view>;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Each registers the family where it is new, and gives the handle for these label values, one
  // for every label name. Throws std::logic_error where name, labels, kind or bounds contradict
  // what is registered, or break the grammar: that is a mistake in the program.
  Counter counter(const FamilyOptions& family, LabelValues values);
  Gauge gauge(const FamilyOptions& family, LabelValues values);
  Level level(const FamilyOptions& family, LabelValues values);
  DurationHistogram durations(const FamilyOptions& family, LabelValues values);
  Histogram histogram(const FamilyOptions& family, LabelValues values,
                      std::span<const double> bounds);

  Counter counter(const FamilyOptions& f, std::initializer_list<std::string_view> v = {}) {
    return counter(f, LabelValues(v.begin(), v.size()));
  }
  Gauge gauge(const FamilyOptions& f, std::initializer_list<std::string_view> v = {}) {
    return gauge(f, LabelValues(v.begin(), v.size()));
  }
  Level level(const FamilyOptions& f, std::initializer_list<std::string_view> v = {}) {
    return level(f, LabelValues(v.begin(), v.size()));
  }
  DurationHistogram durations(const FamilyOptions& f,
                              std::initializer_list<std::string_view> v = {}) {
    return durations(f, LabelValues(v.begin(), v.size()));
  }
  Histogram histogram(const FamilyOptions& f, std::initializer_list<std::string_view> v,
                      std::span<const double> bounds) {
    return histogram(f, LabelValues(v.begin(), v.size()), bounds);
  }

  // A number that is asked for at each scrape, on the scraping thread: kGauge, or kCounter where
  // it only goes up. `read` must not call this Metrics, and must be quick. Where two callbacks
  // have the same labels the newer one is asked (an old snapshot on its way out, say).
  [[nodiscard]] CallbackGuard observe(MetricKind kind, const FamilyOptions& family,
                                      LabelValues values, std::function<double()> read);
  [[nodiscard]] CallbackGuard observe(MetricKind kind, const FamilyOptions& f,
                                      std::initializer_list<std::string_view> v,
                                      std::function<double()> read) {
    return observe(kind, f, LabelValues(v.begin(), v.size()), std::move(read));
  }

  // Every family in the order of its name. Each number is a sum over the threads' shards, taken
  // while they go on: numbers of one collection may be some additions apart from one another.
  [[nodiscard]] std::vector<FamilySample> collect() const;

 private:
  std::shared_ptr<MetricsState> state_;
};

}  // namespace sluice::telemetry
