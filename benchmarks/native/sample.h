#pragma once
// Durations taken one by one, and their order statistics as JSON.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <vector>

namespace bench {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Nanoseconds, kept whole so that the quantiles are exact. One thread.
class Sample {
 public:
  Sample() { taken_.reserve(1 << 20); }

  void add(Clock::duration duration) {
    taken_.push_back(std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count());
  }

  std::size_t count() const { return taken_.size(); }

  // Microseconds: {"count":..,"mean_us":..,"p50_us":..,"p90_us":..,"p99_us":..,"max_us":..} without
  // the braces.
  void print(std::ostream& out) {
    std::sort(taken_.begin(), taken_.end());
    double sum = 0;
    for (std::int64_t value : taken_) sum += static_cast<double>(value);
    double mean = taken_.empty() ? 0 : sum / static_cast<double>(taken_.size()) / 1e3;
    out << "\"count\":" << taken_.size() << ",\"mean_us\":" << mean
        << ",\"p50_us\":" << quantile(0.5) << ",\"p90_us\":" << quantile(0.9)
        << ",\"p99_us\":" << quantile(0.99) << ",\"max_us\":" << quantile(1.0);
  }
  // Each of them, in microseconds: for few, of which those of several runs are put together.
  void print_all(std::ostream& out) const {
    out << '[';
    for (std::size_t i = 0; i < taken_.size(); ++i) {
      out << (i == 0 ? "" : ",") << static_cast<double>(taken_[i]) / 1e3;
    }
    out << ']';
  }

 private:
  double quantile(double share) const {
    if (taken_.empty()) return 0;
    auto last = static_cast<double>(taken_.size() - 1);
    return static_cast<double>(taken_[static_cast<std::size_t>(share * last)]) / 1e3;
  }

  std::vector<std::int64_t> taken_;
};

}  // namespace bench
