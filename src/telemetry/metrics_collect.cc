#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "telemetry/metrics_state.h"

namespace sluice::telemetry {

namespace {

SeriesSample read_series(const ShardPool& pool, const Family& family, const Series& series) {
  SeriesSample sample;
  switch (family.storage) {
    case Storage::kSum:
      sample.value = static_cast<double>(pool.sum(series.cell));
      break;
    case Storage::kSignedSum:
      sample.value = static_cast<double>(static_cast<std::int64_t>(pool.sum(series.cell)));
      break;
    case Storage::kLevel:
      sample.value = series.level->load(std::memory_order_relaxed);
      break;
    case Storage::kDurations:
    case Storage::kSizes: {
      const auto buckets = static_cast<std::uint32_t>(family.bounds.size() + 1);
      for (std::uint32_t i = 0; i < buckets; ++i) {
        sample.buckets.push_back(pool.sum(series.cell + i));
        sample.count += sample.buckets.back();
      }
      if (family.storage == Storage::kDurations) {
        sample.sum = static_cast<double>(pool.sum(series.cell + buckets)) * 1e-9;
      } else {
        pool.each(series.cell + buckets, [&](const Cell& cell) {
          sample.sum += std::bit_cast<double>(cell.load(std::memory_order_relaxed));
        });
      }
      break;
    }
    case Storage::kCallback:
      break;
  }
  return sample;
}

// The newest callback of each set of labels; those over the bound are added up.
std::vector<SeriesSample> read_callbacks(Family& family) {
  std::map<std::vector<std::string>, const Callback*> newest;
  for (const auto& callback : family.callbacks) newest[callback.values] = &callback;
  std::vector<SeriesSample> samples;
  SeriesSample other;
  other.label_values.assign(family.options.labels.size(), std::string(kOtherLabel));
  for (const auto& [values, callback] : newest) {
    if (samples.size() < family.options.max_series) {
      samples.push_back({values, callback->read()});
    } else {
      other.value += callback->read();
    }
  }
  if (newest.size() > family.options.max_series) samples.push_back(std::move(other));
  return samples;
}

FamilySample overflow_sample(const std::map<std::string, Family, std::less<>>& families) {
  FamilySample sample{std::string(kOverflowMetric),
                      "Sets of label values that were counted as \"other\", by metric."};
  sample.labels = {"metric"};
  for (const auto& [name, family] : families) {
    if (family.overflowed == 0) continue;
    sample.series.push_back({{name}, static_cast<double>(family.overflowed)});
  }
  return sample;
}

}  // namespace

std::vector<FamilySample> Metrics::collect() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<FamilySample> all;
  for (auto& [name, family] : state_->families) {
    FamilySample sample{name, family.options.help, family.kind, family.options.labels};
    sample.bounds = family.bounds;
    for (const auto& [values, series] : family.series) {
      sample.series.push_back(read_series(*state_->pool, family, series));
      sample.series.back().label_values = values;
    }
    if (family.storage == Storage::kCallback) sample.series = read_callbacks(family);
    if (!sample.series.empty()) all.push_back(std::move(sample));
  }
  if (auto overflow = overflow_sample(state_->families); !overflow.series.empty()) {
    all.push_back(std::move(overflow));
    std::ranges::sort(all, {}, &FamilySample::name);
  }
  return all;
}

}  // namespace sluice::telemetry
