// `sluice keys`: makes, lists and revokes the API keys of the state folder. Each returns the exit
// status: 0, or 1 with the reason on stderr.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace sluice::app {

// Where the keys are: the state folder itself, the one of a configuration file, else the default.
struct KeysPlace {
  std::optional<std::filesystem::path> state_dir;
  std::optional<std::filesystem::path> config;
};

// As on the command line. An option that was given as "" was given, and is wrong.
struct NewKey {
  std::string name;
  std::optional<std::string> tenant;   // none: the name
  std::vector<std::string> scopes;     // none: callables=*
  std::optional<std::string> ceiling;  // none: realtime
  std::optional<std::string> rate;
  std::optional<std::string> quota;
  std::optional<std::string> expires;  // a time or a duration from now; none: never
};

// Prints the key, once and alone, on stdout, and what was made on stderr.
int create_key(const KeysPlace& place, const NewKey& wanted);
int list_keys(const KeysPlace& place, bool as_json);
int revoke_key(const KeysPlace& place, const std::string& id_or_name);

}  // namespace sluice::app
