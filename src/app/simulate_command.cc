#include "app/simulate_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <memory>
#include <print>

#include "scheduling/simulation_report.h"
#include "scheduling/simulator.h"

namespace sluice::app {

namespace {
int told(const Error& error) {
  std::println(stderr, "{}", error.message);
  return 1;
}
}  // namespace

int simulate(const std::filesystem::path& file, const std::optional<std::filesystem::path>& svg) {
  const auto options = scheduling::load_simulation(file);
  if (!options) return told(options.error());
  const auto results = scheduling::simulate_all(*options);
  if (!results) return told(results.error());
  std::print("{}", scheduling::simulation_table(*options, *results));
  if (!svg) return 0;
  std::ofstream out(*svg, std::ios::binary | std::ios::trunc);
  out << scheduling::simulation_chart(*options, *results);
  out.close();
  if (out) return 0;
  std::println(stderr, "sluice simulate: {} cannot be written", svg->string());
  return 1;
}

void add_simulate_command(CLI::App& app, int& status) {
  struct Given {
    std::filesystem::path file;
    std::optional<std::filesystem::path> svg;
  };
  const auto given = std::make_shared<Given>();
  auto* command = app.add_subcommand(
      "simulate", "Replay a load against slots and orders, and say who would wait how long");
  command->add_option("file", given->file, "Loads and policies")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--svg", given->svg, "Where to write a chart of the waits");
  command->footer(
      "Example:\n  sluice simulate examples/simulations/incident.yaml --svg incident.svg");
  command->callback([given, &status] { status = simulate(given->file, given->svg); });
}

}  // namespace sluice::app
