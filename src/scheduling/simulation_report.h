// The results of simulations, to be read: a table, and a chart of the waits.
#pragma once

#include <span>
#include <string>

#include "scheduling/simulator.h"

namespace sluice::scheduling {

// A line for each policy and load, and one for each class that has more than one load.
std::string simulation_table(const SimulationOptions& options,
                             std::span<const PolicyResult> results);

// Which part of a load's calls got a slot within which time, as an SVG: a line for each policy and
// load. What was refused never did, so its line ends below the top.
std::string simulation_chart(const SimulationOptions& options,
                             std::span<const PolicyResult> results);

}  // namespace sluice::scheduling
