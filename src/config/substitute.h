// Values from outside the file: ${VAR}, ${VAR:-default}, ${file:PATH}, and $$ for a dollar sign.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::config {

// A file named by ${file:..} may be this long, and so may a value after substitution.
inline constexpr std::size_t kMaxSubstitutedBytes = 64UL << 10;
// A default may hold a substitution itself, this deep.
inline constexpr int kMaxSubstitutionDepth = 4;

// Where values come from. Passed in, so that a test needs neither environment nor files.
struct Surroundings {
  // The value of an environment variable, if it is set.
  std::function<std::optional<std::string>(const std::string& name)> variable;
  // The content of a file; `max_bytes` bounds it, more is an error of code too_large.
  std::function<Result<std::string>(const std::filesystem::path& path, std::size_t max_bytes)> file;

  // Those of this process.
  static Surroundings of_this_process();
  // No variables, no files.
  static Surroundings none();
};

struct Substituted {
  std::string text;
  bool changed = false;  // something came from a variable, a file or a default
};

// The position of the first byte that is not part of UTF-8 text, a zero byte included.
std::optional<std::size_t> first_not_text(std::string_view text);

// Replaces what stands in `text`. `${VAR:-default}` takes the default where the variable is unset
// or empty; `${VAR}` of an unset one is an error. The content of a file loses one line end at its
// end. A `$` before anything but `{` and `$` is itself. Relative paths start at `folder`.
Result<Substituted> substitute(std::string_view text, const Surroundings& surroundings,
                               const std::filesystem::path& folder);

}  // namespace sluice::config
