// `sluice simulate`: replays a load against policies, and shows who would wait how long.
#pragma once

#include <filesystem>
#include <optional>

namespace CLI {
class App;
}

namespace sluice::app {

// Prints the table; with `svg`, writes the chart there.
int simulate(const std::filesystem::path& file, const std::optional<std::filesystem::path>& svg);

// Adds the command. Its exit status goes to `status`.
void add_simulate_command(CLI::App& app, int& status);

}  // namespace sluice::app
