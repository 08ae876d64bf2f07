// Where a text stops being JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::json {

struct ParseError {
  std::size_t offset =
      0;  // of the first byte that cannot stand there; the size when it ended early
  std::string reason;
};

// Reads a text that the fast parser refused a second time, slowly, to say where it went wrong. Also
// finds numbers beyond 64 bits, which are JSON but no tensor's. Uses memory for the depth only.
ParseError position_of_error(std::string_view text);

}  // namespace sluice::json
