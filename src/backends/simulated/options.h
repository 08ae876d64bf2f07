// What can be said of a model that is none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"
#include "config/describe.h"

namespace sluice::simulated {

struct SimulatedOptions {
  Duration prompt_time{};    // for each token of the prompt
  Duration token_time{};     // from one token of the answer to the next
  std::uint32_t tokens = 0;  // of an answer; 0: as many as the text has that is said back
  std::uint32_t context = 4096;
  std::size_t dimensions = 0;             // above 0 it takes texts to embed
  std::optional<std::uint32_t> fail_at;   // the token in whose place the call fails
  std::optional<std::uint32_t> stall_at;  // the token that never comes
};

void describe(config::Fields<SimulatedOptions>& f);

}  // namespace sluice::simulated
