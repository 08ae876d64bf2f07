// How far something is, for a person: pure, a line of text.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace sluice::app {

struct ProgressSeen {
  std::uint64_t done = 0;
  std::uint64_t all = 0;
  std::uint64_t failed = 0;  // of those that are done
  Duration took{};
};

// "[######....]  60%  30/50  1 failed  12.5/s  2s left"; no rate before there is one.
std::string progress_line(const ProgressSeen& seen, std::size_t width = 24);

}  // namespace sluice::app
