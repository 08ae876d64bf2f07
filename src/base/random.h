// Randomness as a value that is passed in, so that a simulation can repeat a run by its seed.
#pragma once

#include <cstdint>

namespace sluice {

__extension__ using unsigned_128 = unsigned __int128;

// SplitMix64 (Steele, Lea, Flood 2014): small, fast, good enough for choices and jitter. Not for
// secrets. One owner, one thread.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  // In [0, bound); bound must not be zero. The bias for bounds far under 2^64 is below notice.
  std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<unsigned_128>(next()) * bound) >> 64);
  }
  // In [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace sluice
