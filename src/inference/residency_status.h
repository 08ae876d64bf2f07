// Whether a model is in memory, and for how long.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace sluice {

// A capability of callables whose model may be loaded and dropped while they are served, found by
// find_capability(). Any thread; the answers are of the moment, each for itself.
class Resident {
 public:
  [[nodiscard]] virtual bool loaded() const = 0;
  // After so long without a call it is dropped; none: it stays. Zero while it is not loaded.
  [[nodiscard]] virtual std::optional<Duration> leaves_in() const = 0;
  // Of memory that it takes while it is loaded.
  [[nodiscard]] virtual std::uint64_t bytes() const = 0;

 protected:
  ~Resident() = default;
};

}  // namespace sluice
