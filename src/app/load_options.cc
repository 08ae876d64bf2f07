#include <algorithm>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "app/options.h"
#include "base/state_folder.h"
#include "config/config.h"
#include "http/address.h"

namespace sluice::app {

namespace fs = std::filesystem;

std::filesystem::path models_folder() {
  if (const char* set = std::getenv("SLUICE_MODELS_DIR"); set != nullptr && *set != '\0') {
    return set;
  }
  std::error_code ignored;
  const fs::path binary = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  // Installed, in a build folder of the source tree, or beside the binary.
  for (const fs::path& candidate :
       {binary / "../share/sluice/models", binary / "../../models", binary / "models"}) {
    if (fs::is_directory(candidate, ignored)) return fs::weakly_canonical(candidate, ignored);
  }
  return "models";
}

Result<fs::path> state_folder(const Options& options) {
  auto found = find_state_folder(options.state_dir, process_variables());
  if (!found) return found;
  if (auto made = make_state_folder(*found); !made) return fail(made.error());
  return found;
}

bool listens_beyond_loopback(const Options& options) {
  return std::ranges::any_of(options.listeners, [](const ListenerOptions& listener) {
    const auto address = http::parse_listen_address(listener.address);
    return address && !address->is_loopback();
  });
}

std::optional<Configuration> read_configuration(const std::optional<std::filesystem::path>& file,
                                                config::Problems& problems) {
  auto surroundings = config::Surroundings::of_this_process();
  surroundings.variable =
      [of_process = surroundings.variable](const std::string& name) -> std::optional<std::string> {
    if (auto value = of_process(name)) return value;
    if (name == "SLUICE_MODELS_DIR") return models_folder().string();
    return std::nullopt;
  };
  const auto root = file ? config::parse_file(*file, surroundings, problems)
                         : config::parse(default_configuration(), fs::current_path() / "built-in",
                                         surroundings, problems);
  if (!root) return std::nullopt;
  return Configuration{config::read<Options>(*root, problems),
                       file ? file->string() : "the built-in default"};
}

void run_as(Options& options, ServedBy process) {
  options.worker = process == ServedBy::kWorker;
  if (options.worker) options.jobs.consume = true;
  std::vector<ListenerOptions> here;
  for (ListenerOptions& listener : options.listeners) {
    const bool ours = listener.served_by == process || listener.served_by == ServedBy::kBoth;
    (ours ? here : options.served_elsewhere).push_back(std::move(listener));
  }
  options.listeners = std::move(here);
}

void keep_what_was_read(Options& options, const config::Problems& problems) {
  for (ListenerOptions& listener : options.listeners) {
    std::erase_if(listener.mounts, [&](const MountOptions& mount) {
      return std::holds_alternative<std::monostate>(mount.api) ||
             !problems.was_read_whole(mount.where);
    });
  }
  config::OrderedMap<CallableOptions> kept;
  for (const auto& [name, callable] : options.callables) {
    if (std::holds_alternative<std::monostate>(callable.what)) continue;
    if (problems.was_read_whole(callable.where)) kept.append(name) = callable;
  }
  options.callables = std::move(kept);
}

Result<Configuration> load_configuration(const std::optional<std::filesystem::path>& file) {
  config::Problems problems;
  auto read = read_configuration(file, problems);
  if (!read || !problems.empty()) return fail(problems.to_error());
  return std::move(*read);
}

}  // namespace sluice::app
