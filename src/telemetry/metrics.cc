#include "telemetry/metrics.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "telemetry/metrics_state.h"
#include "telemetry/text.h"

namespace sluice::telemetry {

namespace {

[[noreturn]] void misuse(const FamilyOptions& family, const std::string& what) {
  throw std::logic_error("metric " + family.name + ": " + what);
}

bool is_name(std::string_view name, bool colon_allowed) {
  const auto fits = [&](char c, bool first) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (c == ':' && colon_allowed) || (!first && c >= '0' && c <= '9');
  };
  if (name.empty()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (!fits(name[i], i == 0)) return false;
  }
  return true;
}

void check_grammar(const FamilyOptions& family, std::span<const double> bounds) {
  if (!is_name(family.name, true)) misuse(family, "not a metric name");
  for (const auto& label : family.labels) {
    if (!is_name(label, false) || label.starts_with("__") || label == "le") {
      misuse(family, "not a label name: " + label);
    }
    if (std::ranges::count(family.labels, label) > 1) misuse(family, "label twice: " + label);
  }
  if (family.max_series == 0) misuse(family, "max_series must be at least 1");
  if (bounds.size() > kMaxHistogramBounds) misuse(family, "too many bounds");
  if (std::ranges::adjacent_find(bounds, std::greater_equal<>()) != bounds.end()) {
    misuse(family, "bounds must ascend");
  }
}

std::uint32_t cells_of(const Family& family) {
  const bool histogram = family.kind == MetricKind::kHistogram;
  return histogram ? static_cast<std::uint32_t>(family.bounds.size() + 2) : 1;
}

}  // namespace

Family& MetricsState::family(const FamilyOptions& options, MetricKind kind, Storage storage,
                             std::span<const double> bounds) {
  auto found = families.find(options.name);
  if (found == families.end()) {
    check_grammar(options, bounds);
    Family fresh{options, kind, storage, {bounds.begin(), bounds.end()}};
    found = families.emplace(options.name, std::move(fresh)).first;
  }
  Family& known = found->second;
  if (known.storage != storage || known.kind != kind || known.options.labels != options.labels ||
      !std::ranges::equal(known.bounds, bounds)) {
    misuse(options, "registered before with another kind, other labels or other bounds");
  }
  return known;
}

std::vector<std::string> MetricsState::clean(const Family& family, Metrics::LabelValues values) {
  if (values.size() != family.options.labels.size()) {
    misuse(family.options, "needs one value for each label");
  }
  std::vector<std::string> cleaned;
  cleaned.reserve(values.size());
  for (const auto value : values) cleaned.push_back(clean_utf8(value, kMaxLabelValueBytes));
  return cleaned;
}

Series& MetricsState::series(Family& family, Metrics::LabelValues values) {
  auto key = clean(family, values);
  if (const auto found = family.series.find(key); found != family.series.end()) {
    return found->second;
  }
  const std::vector<std::string> other(key.size(), std::string(kOtherLabel));
  // The one for all others does not count towards the bound.
  const std::size_t kept = family.series.size() - family.series.count(other);
  if (key != other && kept < family.options.max_series) {
    if (auto fresh = make(family)) {
      return family.series.emplace(std::move(key), std::move(*fresh)).first->second;
    }
  }
  if (key != other) ++family.overflowed;
  if (const auto found = family.series.find(other); found != family.series.end()) {
    return found->second;
  }
  auto fresh = make(family);
  if (!fresh) misuse(family.options, "no cells left");
  return family.series.emplace(other, std::move(*fresh)).first->second;
}

std::optional<Series> MetricsState::make(const Family& family) const {
  if (family.storage == Storage::kLevel) return Series{0, std::make_unique<std::atomic<double>>()};
  const auto cell = pool->reserve(cells_of(family));
  if (!cell) return std::nullopt;
  return Series{*cell};
}

Metrics::Metrics() : state_(std::make_shared<MetricsState>()) {}
Metrics::~Metrics() {
  state_->pool->close();
}

Counter Metrics::counter(const FamilyOptions& family, LabelValues values) {
  const std::lock_guard lock(state_->mutex);
  auto& known = state_->family(family, MetricKind::kCounter, Storage::kSum, {});
  return {state_->pool.get(), state_->series(known, values).cell};
}

Gauge Metrics::gauge(const FamilyOptions& family, LabelValues values) {
  const std::lock_guard lock(state_->mutex);
  auto& known = state_->family(family, MetricKind::kGauge, Storage::kSignedSum, {});
  return {state_->pool.get(), state_->series(known, values).cell};
}

Level Metrics::level(const FamilyOptions& family, LabelValues values) {
  const std::lock_guard lock(state_->mutex);
  auto& known = state_->family(family, MetricKind::kGauge, Storage::kLevel, {});
  return Level(state_->series(known, values).level.get());
}

DurationHistogram Metrics::durations(const FamilyOptions& family, LabelValues values) {
  const std::lock_guard lock(state_->mutex);
  auto& known =
      state_->family(family, MetricKind::kHistogram, Storage::kDurations, kDurationBoundsSeconds);
  return {state_->pool.get(), state_->series(known, values).cell};
}

Histogram Metrics::histogram(const FamilyOptions& family, LabelValues values,
                             std::span<const double> bounds) {
  const std::lock_guard lock(state_->mutex);
  auto& known = state_->family(family, MetricKind::kHistogram, Storage::kSizes, bounds);
  return {state_->pool.get(), state_->series(known, values).cell, known.bounds};
}

CallbackGuard Metrics::observe(MetricKind kind, const FamilyOptions& family, LabelValues values,
                               std::function<double()> read) {
  if (kind == MetricKind::kHistogram) misuse(family, "a histogram cannot be observed");
  const std::lock_guard lock(state_->mutex);
  auto& known = state_->family(family, kind, Storage::kCallback, {});
  const auto id = state_->next_callback++;
  known.callbacks.push_back({id, MetricsState::clean(known, values), std::move(read)});
  return {state_, id};
}

CallbackGuard::CallbackGuard(std::weak_ptr<MetricsState> state, std::uint64_t id)
    : state_(std::move(state)), id_(id) {}
CallbackGuard::CallbackGuard(CallbackGuard&& other) noexcept
    : state_(std::move(other.state_)), id_(std::exchange(other.id_, 0)) {}
CallbackGuard& CallbackGuard::operator=(CallbackGuard&& other) noexcept {
  if (this != &other) {
    release();
    state_ = std::move(other.state_);
    id_ = std::exchange(other.id_, 0);
  }
  return *this;
}
CallbackGuard::~CallbackGuard() {
  release();
}

void CallbackGuard::release() {
  const auto state = state_.lock();
  if (state == nullptr || id_ == 0) return;
  const std::lock_guard lock(state->mutex);
  for (auto& [name, family] : state->families) {
    std::erase_if(family.callbacks, [&](const Callback& c) { return c.id == id_; });
  }
  id_ = 0;
}

}  // namespace sluice::telemetry
