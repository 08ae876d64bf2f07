#include "base/state_folder.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "base/format.h"

namespace sluice {

namespace fs = std::filesystem;

Variables process_variables() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

Result<fs::path> find_state_folder(const fs::path& configured, const Variables& variables) {
  if (!configured.empty()) return fs::absolute(configured).lexically_normal();
  const auto folder = [&](const char* name) { return fs::path(variables(name).value_or("")); };
  if (const fs::path data = folder("SLUICE_DATA_DIR"); !data.empty()) {
    return fs::absolute(data).lexically_normal();
  }
  // The specification wants a relative path to be ignored.
  if (const fs::path state = folder("XDG_STATE_HOME"); state.is_absolute()) return state / "sluice";
  if (const fs::path home = folder("HOME"); home.is_absolute()) {
    return home / ".local" / "state" / "sluice";
  }
  return fail(invalid(
      "there is no folder for state: set state_dir, or SLUICE_DATA_DIR in the environment"));
}

Result<> make_state_folder(const fs::path& folder) {
  const auto refuse = [&](const char* why) {
    return fail(unavailable(formatted("the state folder {}: {}", folder.string(), why)));
  };
  fs::path made;
  for (const fs::path& part : folder) {
    made /= part;
    // One that is there may be in a folder which may not be written to: so it is not only tried.
    std::error_code ignored;
    if (fs::is_directory(made, ignored)) continue;
    if (::mkdir(made.c_str(), S_IRWXU) != 0 && errno != EEXIST) return refuse(std::strerror(errno));
  }
  std::error_code error;
  if (!fs::is_directory(folder, error)) return refuse("it is not a folder");
  return {};
}

}  // namespace sluice
