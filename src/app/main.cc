// The command line.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <print>
#include <string>

#include "app/serve.h"

int main(int argc, char** argv) {
  CLI::App app{
      "An inference gateway: many small, slow and contended model calls, made few, shared, "
      "fair and durable."};
  app.require_subcommand(1);
  app.footer("Example:\n  sluice serve --config examples/horizontal-iris/sluice.yaml");

  std::optional<std::filesystem::path> config;
  auto* serve = app.add_subcommand("serve",
                                   "Serves what a configuration says; without one, "
                                   "everything embedded on 127.0.0.1:8080.");
  serve->add_option("-c,--config", config, "The configuration file")->check(CLI::ExistingFile);

  CLI11_PARSE(app, argc, argv);
  if (serve->parsed()) return sluice::app::serve(config);
  return 0;
}
