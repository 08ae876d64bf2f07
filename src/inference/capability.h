// What a callable can do beside its work, wherever it stands among those that wrap it.
#pragma once

#include "inference/callable.h"

namespace sluice {

// The outermost of `callable` and those behind it that is a Capability (Probeable, Queued,
// Resident); null where none is. It lives as long as `callable`.
template <class Capability>
Capability* find_capability(Callable& callable) {
  for (Callable* at = &callable; at != nullptr; at = at->behind()) {
    if (auto* found = dynamic_cast<Capability*>(at)) return found;
  }
  return nullptr;
}

template <class Capability>
const Capability* find_capability(const Callable& callable) {
  for (const Callable* at = &callable; at != nullptr; at = at->behind()) {
    if (const auto* found = dynamic_cast<const Capability*>(at)) return found;
  }
  return nullptr;
}

}  // namespace sluice
