#include <cstdlib>
#include <system_error>

#include "app/options.h"
#include "config/config.h"

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

Result<Configuration> load_configuration(const std::optional<std::filesystem::path>& file) {
  auto surroundings = config::Surroundings::of_this_process();
  surroundings.variable =
      [of_process = surroundings.variable](const std::string& name) -> std::optional<std::string> {
    if (auto value = of_process(name)) return value;
    if (name == "SLUICE_MODELS_DIR") return models_folder().string();
    return std::nullopt;
  };
  config::Problems problems;
  const auto root = file ? config::parse_file(*file, surroundings, problems)
                         : config::parse(default_configuration(), fs::current_path() / "built-in",
                                         surroundings, problems);
  if (!root) return fail(problems.to_error());
  Configuration loaded{config::read<Options>(*root, problems),
                       file ? file->string() : "the built-in default"};
  if (!problems.empty()) return fail(problems.to_error());
  return loaded;
}

}  // namespace sluice::app
