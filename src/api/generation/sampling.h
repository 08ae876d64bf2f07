// The members of a request that the APIs for generated text have in common. Include in .cc files
// only.
#pragma once

#include "api/generation/fields.h"
#include "inference/callable.h"
#include "inference/generate.h"

namespace sluice::api::generation {

// temperature, top_p, top_k, min_p, typical_p, repeat_penalty, repeat_last_n, presence_penalty,
// frequency_penalty, mirostat, mirostat_tau, mirostat_eta, seed. What is left out stays as it is.
void read_sampling(const Fields& fields, Sampling& sampling);

// `stop`: a text or a list of them, within the bounds of generate.h; empty ones are left out.
std::vector<std::string> read_stops(const Fields& fields);

// One entry of `tools`, which have the same form everywhere: {type, function: {name, description,
// parameters}}.
std::vector<ToolDeclaration> read_tools(const Fields& fields);
inline constexpr std::size_t kMaxTools = 128;

// `tool_calls` of a message of the assistant: {id, function: {name, arguments}}. The arguments are
// JSON as a text, which is taken as it is, or an object, which becomes its text.
std::vector<ToolCall> read_tool_calls(const Fields& message);
inline constexpr std::size_t kMaxCalls = 128;
inline constexpr std::size_t kMaxMessages = 10'000;

// How much to think, by its usual names: "none" to "high", and "xhigh", which is no more here. None
// and a fault for another.
std::optional<ReasoningEffort> read_effort(const Fields& fields, std::string_view name);

// `priority`: "high" or "low".
std::optional<ServiceClass> read_priority(const Fields& fields);

// A member that is known and not served: a fault unless it is left out.
void refuse(const Fields& fields, std::string_view name, std::string_view why);

}  // namespace sluice::api::generation
