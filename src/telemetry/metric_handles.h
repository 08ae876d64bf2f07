// What a request holds in its hand to be counted: small values, resolved once, used from any
// thread, without lock or look-up (telemetry/shards.h). A default handle records nothing. A handle
// must not be used after the Metrics that made it is gone.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <span>

#include "base/time.h"
#include "telemetry/buckets.h"
#include "telemetry/shards.h"

namespace sluice::telemetry {

namespace detail {
// The calling thread is the only writer of its cells: no read-modify-write instruction is needed.
inline void bump(Cell& cell, std::uint64_t by) {
  cell.store(cell.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}
}  // namespace detail

// Only ever goes up.
class Counter {
 public:
  Counter() = default;
  void add(std::uint64_t by = 1) const {
    if (Shard* shard = ShardPool::local(pool_)) detail::bump(*shard->cell(cell_), by);
  }
  bool operator==(const Counter&) const = default;

 private:
  friend class Metrics;
  Counter(ShardPool* pool, std::uint32_t cell) : pool_(pool), cell_(cell) {}
  ShardPool* pool_ = nullptr;
  std::uint32_t cell_ = 0;
};

// How many there are now: every thread says by how much it changed.
class Gauge {
 public:
  Gauge() = default;
  void add(std::int64_t by = 1) const {
    if (Shard* shard = ShardPool::local(pool_)) {
      detail::bump(*shard->cell(cell_), static_cast<std::uint64_t>(by));
    }
  }
  void subtract(std::int64_t by = 1) const { add(-by); }
  bool operator==(const Gauge&) const = default;

 private:
  friend class Metrics;
  Gauge(ShardPool* pool, std::uint32_t cell) : pool_(pool), cell_(cell) {}
  ShardPool* pool_ = nullptr;
  std::uint32_t cell_ = 0;
};

// A value that is set, the last one wins. One shared atomic: not for every request.
class Level {
 public:
  Level() = default;
  void set(double value) const {
    if (value_ != nullptr) value_->store(value, std::memory_order_relaxed);
  }
  bool operator==(const Level&) const = default;

 private:
  friend class Metrics;
  explicit Level(std::atomic<double>* value) : value_(value) {}
  std::atomic<double>* value_ = nullptr;
};

// How long things take; bounds are kDurationBoundsNs. A negative duration counts as none.
class DurationHistogram {
 public:
  DurationHistogram() = default;
  void record(Duration took) const {
    Shard* shard = ShardPool::local(pool_);
    if (shard == nullptr) return;
    const auto ns = took.count() > 0 ? static_cast<std::uint64_t>(took.count()) : 0;
    Cell* cells = shard->cell(cell_);
    detail::bump(cells[duration_bucket(ns)], 1);
    detail::bump(cells[kDurationBoundsNs.size() + 1], ns);
  }
  bool operator==(const DurationHistogram&) const = default;

 private:
  friend class Metrics;
  DurationHistogram(ShardPool* pool, std::uint32_t cell) : pool_(pool), cell_(cell) {}
  ShardPool* pool_ = nullptr;
  std::uint32_t cell_ = 0;  // one a bucket, one for above all bounds, the sum in ns
};

// How large things are, with bounds of one's own.
class Histogram {
 public:
  Histogram() = default;
  void record(double value) const {
    Shard* shard = ShardPool::local(pool_);
    if (shard == nullptr) return;
    Cell* cells = shard->cell(cell_);
    detail::bump(cells[bucket_of({bounds_, count_}, value)], 1);
    Cell& sum = cells[count_ + 1];
    const auto before = std::bit_cast<double>(sum.load(std::memory_order_relaxed));
    sum.store(std::bit_cast<std::uint64_t>(before + value), std::memory_order_relaxed);
  }
  bool operator==(const Histogram&) const = default;

 private:
  friend class Metrics;
  Histogram(ShardPool* pool, std::uint32_t cell, std::span<const double> bounds)
      : pool_(pool),
        bounds_(bounds.data()),
        count_(static_cast<std::uint32_t>(bounds.size())),
        cell_(cell) {}
  ShardPool* pool_ = nullptr;
  const double* bounds_ = nullptr;  // of the family, which lives as long as Metrics
  std::uint32_t count_ = 0;
  std::uint32_t cell_ = 0;  // one a bucket, one for above all bounds, the sum as a double
};

}  // namespace sluice::telemetry
