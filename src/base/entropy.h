// Where randomness that is passed in comes from, in a process that is no simulation.
#pragma once

#include <cstdint>

namespace sluice {

// 64 bits that no other process has, for the seed of a Random or a name that must not meet another.
// From the system; any thread.
std::uint64_t entropy();

}  // namespace sluice
