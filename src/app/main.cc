// The command line.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/commands.h"
#include "app/jobs_command_line.h"
#include "app/keys_command.h"
#include "app/serve.h"
#include "app/simulate_command.h"

namespace {

CLI::Option* add_url_and_key(CLI::App& command, sluice::app::ServerChoice& choice) {
  command.add_option("--key", choice.key, "An API key for it; better in the environment")
      ->envname("SLUICE_API_KEY");
  return command.add_option("--url", choice.url, "The server to ask")->capture_default_str();
}

void add_server_options(CLI::App& command, sluice::app::ServerChoice& choice) {
  auto* url = add_url_and_key(command, choice);
  auto* local = command.add_flag("--local", choice.local, "Load the models here; no server needed");
  url->excludes(local);
  command.add_option("-c,--config", choice.config, "With --local: the configuration file")
      ->check(CLI::ExistingFile)
      ->needs(local);
}

// `sluice keys create|list|revoke`. Outlives the parsing.
struct KeysCommands {
  sluice::app::KeysPlace place;
  sluice::app::NewKey wanted;
  std::string id_or_name;
  bool as_json = false;

  void add_to(CLI::App& app, int& status) {
    auto* keys = app.add_subcommand("keys", "Make, list and revoke API keys");
    keys->require_subcommand(1);
    keys->footer(
        "Examples:\n"
        "  sluice keys create --name ci --scope callables=iris --scope jobs --rate 100/1m\n"
        "  sluice keys list\n"
        "  sluice keys revoke ci");
    auto* create = keys->add_subcommand("create", "Make a key, which is shown once");
    create->add_option("--name", wanted.name, "What it is called in lists, logs and metrics")
        ->required();
    // One that is given as "" is given.
    const auto option = [create](const char* name, std::optional<std::string>& to,
                                 const char* what) {
      create->add_option_function<std::string>(
          name, [&to](const std::string& text) { to = text; }, what);
    };
    option("--tenant", wanted.tenant, "Whose it is; its name where not given");
    create->add_option("--scope", wanted.scopes,
                       "What it may: callables=NAME,.. (NAME may end in *), jobs, work or admin; "
                       "can be given more than once; callables=* where not given");
    option("--class", wanted.ceiling,
           "The best service class of its calls: realtime or best_effort");
    option("--rate", wanted.rate, "How many requests, such as 100/1m");
    option("--quota", wanted.quota, "How many in a day or month, such as 10000/day");
    option("--expires", wanted.expires, "Until when: 90d, 2027-01-01");
    add_place(*create);
    create->footer(
        "Examples:\n"
        "  sluice keys create --name ci --scope callables=iris,setosa --scope jobs --rate 100/1m\n"
        "  sluice keys create --name ops --scope admin --expires 90d");
    create->callback([this, &status] { status = create_key(place, wanted); });
    auto* list = keys->add_subcommand("list", "List the keys, revoked ones too");
    list->add_flag("--json", as_json, "As they are stored: without the keys themselves");
    add_place(*list);
    list->footer("Example:\n  sluice keys list");
    list->callback([this, &status] { status = list_keys(place, as_json); });
    auto* revoke = keys->add_subcommand("revoke", "Revoke a key; running servers notice at once");
    revoke->add_option("key", id_or_name, "Its id or name")->required();
    add_place(*revoke);
    revoke->footer("Example:\n  sluice keys revoke ci");
    revoke->callback([this, &status] { status = revoke_key(place, id_or_name); });
  }

 private:
  void add_place(CLI::App& command) {
    auto* folder = command.add_option("--state-dir", place.state_dir, "The state folder");
    command.add_option("-c,--config", place.config, "The configuration that says state_dir")
        ->check(CLI::ExistingFile)
        ->excludes(folder);
  }
};

}  // namespace

int main(int argc, char** argv) {
  using namespace sluice::app;
  CLI::App app{
      "An inference gateway: many small, slow and contended model calls, made few, shared, fair "
      "and "
      "durable."};
  app.require_subcommand(1);
  app.set_version_flag("--version", SLUICE_VERSION);
  app.footer(
      "Examples:\n"
      "  sluice serve\n"
      "  sluice serve --config examples/horizontal-iris/sluice.yaml\n"
      "  sluice predict setosa 5.1 3.5 1.4 0.2");
  int status = 0;

  std::optional<std::filesystem::path> config;
  auto* serve_command = app.add_subcommand(
      "serve", "Serve what a configuration says; without one, everything on 127.0.0.1:8080");
  serve_command->add_option("-c,--config", config, "The configuration file")
      ->check(CLI::ExistingFile);
  serve_command->footer("Example:\n  sluice serve --config examples/horizontal-iris/sluice.yaml");
  serve_command->callback([&] { status = serve(config); });

  std::filesystem::path worker_config;
  auto* worker_command = app.add_subcommand(
      "worker", "Run the jobs of a configuration, whose proxies are other processes");
  worker_command->add_option("-c,--config", worker_config, "The configuration file")
      ->required()
      ->check(CLI::ExistingFile);
  worker_command->footer("Example:\n  sluice worker --config examples/async-iris/redis.yaml");
  worker_command->callback([&] { status = work(worker_config); });

  std::filesystem::path file;
  auto* check_command = app.add_subcommand(
      "check", "Say everything that is wrong with a configuration file, with line numbers");
  check_command->add_option("file", file, "The configuration file")
      ->required()
      ->check(CLI::ExistingFile);
  check_command->footer("Example:\n  sluice check examples/horizontal-iris/sluice.yaml");
  check_command->callback([&] { status = check(file); });

  ServerChoice choice;
  auto* models_command = app.add_subcommand("models", "List callables, their versions and states");
  add_server_options(*models_command, choice);
  models_command->footer("Example:\n  sluice models --url http://127.0.0.1:8080");
  models_command->callback([&] { status = models(choice); });

  auto* reload_command = app.add_subcommand(
      "reload", "Have a running server read its configuration again; says what is wrong with it");
  add_url_and_key(*reload_command, choice);
  reload_command->footer("Example:\n  sluice reload --url http://127.0.0.1:9001");
  reload_command->callback([&] { status = reload(choice); });

  std::string model;
  std::vector<double> values;
  bool as_json = false;
  auto* predict_command =
      app.add_subcommand("predict", "Ask a callable with one or more rows of numbers");
  predict_command->add_option("model", model, "The callable")->required();
  predict_command->add_option("values", values, "The numbers, row after row")->required();
  predict_command->add_flag("--json", as_json, "Print the answer as it came");
  add_server_options(*predict_command, choice);
  predict_command->footer(
      "Examples:\n"
      "  sluice predict setosa 5.1 3.5 1.4 0.2\n"
      "  sluice predict --local iris 5.1 3.5 1.4 0.2 6.1 2.5 5.4 2.2\n"
      "Negative numbers come after --: sluice predict iris -- -1 0 0 0");
  predict_command->callback([&] { status = predict(choice, model, values, as_json); });

  KeysCommands keys;
  keys.add_to(app, status);
  add_jobs_commands(app, status);
  add_batch_commands(app, status);
  add_backup_commands(app, status);
  add_simulate_command(app, status);

  auto* config_command = app.add_subcommand("config", "What can be configured");
  config_command->footer(
      "Examples:\n"
      "  sluice config schema --markdown\n"
      "  sluice config default > sluice.yaml");
  config_command->require_subcommand(1);
  bool markdown = false;
  auto* schema_command =
      config_command->add_subcommand("schema", "Print the JSON Schema of the configuration");
  schema_command->add_flag("--markdown", markdown, "The reference manual instead");
  schema_command->footer("Example:\n  sluice config schema > sluice.schema.json");
  schema_command->callback(
      [&] { status = config_schema(markdown ? SchemaFormat::kMarkdown : SchemaFormat::kJson); });
  auto* default_command =
      config_command->add_subcommand("default", "Print the configuration that runs without a file");
  default_command->footer("Example:\n  sluice config default > sluice.yaml");
  default_command->callback([&] { status = config_default(); });

  auto* version_command = app.add_subcommand("version", "Print the version");
  version_command->footer("Example:\n  sluice version");
  version_command->callback([&] { status = version(); });

  CLI11_PARSE(app, argc, argv);
  return status;
}
