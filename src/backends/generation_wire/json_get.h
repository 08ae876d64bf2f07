// Members of a JSON object that may be missing, null or of another kind. In .cc files only.
#pragma once

#include <simdjson.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inference/generate.h"

namespace sluice::generation_wire {

// None where it is not there, not an object's, null, or not a T.
template <class T>
std::optional<T> get(const simdjson::dom::element& object, std::string_view key) {
  T value{};
  simdjson::dom::element found;
  if (object.at_key(key).get(found) != simdjson::SUCCESS) return std::nullopt;
  if (found.get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

inline std::optional<simdjson::dom::element> get_any(const simdjson::dom::element& object,
                                                     std::string_view key) {
  simdjson::dom::element found;
  if (object.at_key(key).get(found) != simdjson::SUCCESS || found.is_null()) return std::nullopt;
  return found;
}

inline std::string_view get_text(const simdjson::dom::element& object, std::string_view key) {
  return get<std::string_view>(object, key).value_or("");
}

// A count; zero for what is none.
inline std::uint32_t get_count(const simdjson::dom::element& object, std::string_view key) {
  const auto value = get<std::uint64_t>(object, key).value_or(0);
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(value, std::numeric_limits<std::uint32_t>::max()));
}

// {token, logprob, bytes?, top_logprobs: [{token, logprob}]}, as OpenAI and Ollama have it.
std::vector<TokenLogprob> read_logprobs(const simdjson::dom::element& list);
// An array of numbers, made of length 1. kInternal when it is something else or empty.
Result<std::vector<float>> read_vector(const simdjson::dom::element& list);

}  // namespace sluice::generation_wire
