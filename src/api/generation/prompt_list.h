// Several prompts in one request.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "inference/callable.h"

namespace sluice::api::generation {

inline constexpr std::size_t kMaxPrompts = 128;
// Of one request; the next begins when one has ended. Where even those find no room, fewer are
// asked at once.
inline constexpr std::size_t kPromptsAtOnce = 4;

// A callable for one call, which asks `callable` each of the prompts: as a call of its own, with
// all else as the request has it. The answers are one: choices in the order of the prompts, usage
// summed. The first that fails ends all, but for one that is refused because of the
// others: it is asked again after one of them. `prompts` is not empty.
CallablePtr ask_each(CallablePtr callable, std::vector<std::string> prompts);

}  // namespace sluice::api::generation
