// How many seeds the simulations of the tests go through; no part of the product.
#pragma once

#include <cstdint>

namespace sluice::testing {

// Builds other than the release check what they do: they are up to forty times as slow, and what
// they look for is in every seed.
#ifdef _GLIBCXX_ASSERTIONS
inline constexpr std::uint64_t kSeeds = 200;
#else
inline constexpr std::uint64_t kSeeds = 10'000;
#endif

}  // namespace sluice::testing
