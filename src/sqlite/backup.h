// A copy of a database that is in use.
#pragma once

#include <filesystem>
#include <functional>

#include "sqlite/connection.h"

namespace sluice::sqlite {

// How much has been copied, of how much; in pages.
using Progress = std::function<void(int done, int all)>;

// Writes all that `from` holds at one moment into a new file, which appears under its name only
// when it is whole and on disk. kConflict when `to` is there already.
Result<> back_up(Connection& from, const std::filesystem::path& to, const Progress& progress = {});

// Makes `into` hold what `from` holds, in one step that a crash undoes as a whole. Others who read
// it see the old contents until then, and the new ones after. Both have pages of one size.
Result<> overwrite(Connection& into, Connection& from);

// Is every page and index of the file sound? kInternal with the first finding.
Result<> verify(Connection& connection);

}  // namespace sluice::sqlite
