// The one folder in which a process keeps what must outlive it.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"

namespace sluice {

// A variable of the environment; nothing where it is not set.
using Variables = std::function<std::optional<std::string>(const std::string& name)>;
Variables process_variables();

// Which folder it is, as an absolute path: `configured`, else $SLUICE_DATA_DIR, else
// $XDG_STATE_HOME/sluice, else $HOME/.local/state/sluice (XDG Base Directory Specification).
// Touches nothing. kInvalid where none of them is set.
Result<std::filesystem::path> find_state_folder(const std::filesystem::path& configured,
                                                const Variables& variables);

// Makes it where it is missing, its parents as well, each for this user only (0700). Called by
// whoever is about to write there. kUnavailable when it cannot be made or is no folder.
Result<> make_state_folder(const std::filesystem::path& folder);

}  // namespace sluice
