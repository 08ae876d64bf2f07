// What stands behind Metrics. Of this folder alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "telemetry/metrics.h"

namespace sluice::telemetry {

// How the cells of a family are laid out and read.
enum class Storage : std::uint8_t { kSum, kSignedSum, kLevel, kDurations, kSizes, kCallback };

struct Series {
  std::uint32_t cell = 0;
  std::unique_ptr<std::atomic<double>> level{};
};

struct Callback {
  std::uint64_t id = 0;
  std::vector<std::string> values{};
  std::function<double()> read{};
};

struct Family {
  FamilyOptions options;
  MetricKind kind = MetricKind::kCounter;
  Storage storage = Storage::kSum;
  std::vector<double> bounds{};
  std::map<std::vector<std::string>, Series> series{};
  std::vector<Callback> callbacks{};
  std::uint64_t overflowed = 0;
};

// Everything but the numbers, behind one lock; the methods want it held. A callback runs under the
// lock too, so that its guard's destructor waits for it.
class MetricsState {
 public:
  MetricsState() : pool(std::make_shared<ShardPool>()) {}

  // The family of this name, made where it is new.
  Family& family(const FamilyOptions& options, MetricKind kind, Storage storage,
                 std::span<const double> bounds);
  // The series for these values, or the one for all others where the family is full or the cells
  // have run out.
  Series& series(Family& family, Metrics::LabelValues values);
  // The values as they are kept: one for each label, clean and cut.
  static std::vector<std::string> clean(const Family& family, Metrics::LabelValues values);

  std::mutex mutex;
  std::shared_ptr<ShardPool> pool;
  std::map<std::string, Family, std::less<>> families;
  std::uint64_t next_callback = 1;

 private:
  [[nodiscard]] std::optional<Series> make(const Family& family) const;
};

}  // namespace sluice::telemetry
