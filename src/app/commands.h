// What the command line can do besides serving. Each returns the exit status: 0, or 1 with the
// reason on stderr.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace sluice::app {

// Where a command that asks a server finds one.
struct ServerChoice {
  std::string url = "http://127.0.0.1:8080";
  std::string key;                              // an API key; empty: none
  bool local = false;                           // without a server: load the models here
  std::optional<std::filesystem::path> config;  // of --local
};

// Says everything that is wrong with a configuration file, each with its line: its text, routes
// that overlap, models that cannot be loaded, certificates that cannot be read. Parts that do not
// read keep none of the others from being tried.
int check(const std::filesystem::path& file);

// Lists callables with their versions and states.
int models(const ServerChoice& server);

// Has a server read its configuration again, and waits for what becomes of it.
int reload(const ServerChoice& server);

// Asks a callable with rows of numbers, and prints what it answers.
int predict(const ServerChoice& server, const std::string& model, const std::vector<double>& values,
            bool as_json);

enum class SchemaFormat : std::uint8_t { kJson, kMarkdown };
int config_schema(SchemaFormat format);
int config_default();

int version();

}  // namespace sluice::app
