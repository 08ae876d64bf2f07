// Bucket bounds of histograms, and how a value finds its bucket in a nanosecond.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::telemetry {

// Upper bounds (inclusive, as Prometheus has it) of every histogram of durations: 1 us to 60 s.
inline constexpr std::array<std::uint64_t, 24> kDurationBoundsNs = {
    1'000,         2'500,         5'000,         10'000,         25'000,         50'000,
    100'000,       250'000,       500'000,       1'000'000,      2'500'000,      5'000'000,
    10'000'000,    25'000'000,    50'000'000,    100'000'000,    250'000'000,    500'000'000,
    1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000, 30'000'000'000, 60'000'000'000};

// The same in seconds, as they are printed.
inline constexpr std::array<double, kDurationBoundsNs.size()> kDurationBoundsSeconds = {
    1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3,
    0.01, 0.025,  0.05, 0.1,  0.25,   0.5,  1,    2.5,    5,    10,   30,     60};

// The bounds for numbers of rows or tokens in one run.
inline constexpr std::array<double, 12> kBatchBounds = {1,  2,   4,   8,   16,   32,
                                                        64, 128, 256, 512, 1024, 4096};

namespace detail {

// For each width in bits, the first bound that a number of this width can reach. No two bounds
// share a width, so one comparison more settles the bucket.
consteval std::array<std::uint8_t, 65> first_bound_by_width() {
  std::array<std::uint8_t, 65> first{};
  for (int width = 0; width <= 64; ++width) {
    const std::uint64_t lowest = width == 0 ? 0 : std::uint64_t{1} << (width - 1);
    std::size_t i = 0;
    while (i < kDurationBoundsNs.size() && kDurationBoundsNs[i] < lowest) ++i;
    first[static_cast<std::size_t>(width)] = static_cast<std::uint8_t>(i);
  }
  return first;
}
inline constexpr auto kFirstBoundByWidth = first_bound_by_width();

consteval bool one_bound_a_width() {
  for (std::size_t i = 1; i < kDurationBoundsNs.size(); ++i) {
    if (std::bit_width(kDurationBoundsNs[i]) == std::bit_width(kDurationBoundsNs[i - 1])) {
      return false;
    }
  }
  return true;
}
static_assert(one_bound_a_width(), "duration_bucket compares with one bound only");

}  // namespace detail

// Which bucket a duration falls into; kDurationBoundsNs.size() means above all of them.
inline std::size_t duration_bucket(std::uint64_t ns) {
  const std::size_t first =
      detail::kFirstBoundByWidth[static_cast<std::size_t>(std::bit_width(ns))];
  if (first == kDurationBoundsNs.size()) return first;
  return first + (ns > kDurationBoundsNs[first] ? 1 : 0);
}

// The same for any ascending bounds. Not-a-number falls above all of them.
inline std::size_t bucket_of(std::span<const double> bounds, double value) {
  const auto at = std::ranges::find_if(bounds, [&](double bound) { return value <= bound; });
  return static_cast<std::size_t>(at - bounds.begin());
}

}  // namespace sluice::telemetry
