#include "backends/generation_wire/json_get.h"

#include "inference/unit_vector.h"

namespace sluice::generation_wire {

namespace {
std::string token_of(const simdjson::dom::element& entry) {
  // The bytes, where they are told: a token need not be UTF-8.
  simdjson::dom::array bytes;
  std::string token;
  if (entry.at_key("bytes").get(bytes) == simdjson::SUCCESS) {
    for (const simdjson::dom::element byte : bytes) {
      std::uint64_t value = 0;
      if (byte.get(value) != simdjson::SUCCESS || value > 255) {
        return std::string(get_text(entry, "token"));
      }
      token += static_cast<char>(value);
    }
    return token;
  }
  return std::string(get_text(entry, "token"));
}
}  // namespace

std::vector<TokenLogprob> read_logprobs(const simdjson::dom::element& list) {
  std::vector<TokenLogprob> out;
  simdjson::dom::array entries;
  if (list.get(entries) != simdjson::SUCCESS) return out;
  for (const simdjson::dom::element entry : entries) {
    TokenLogprob token{.token = token_of(entry),
                       .logprob = get<double>(entry, "logprob").value_or(0)};
    if (const auto top = get<simdjson::dom::array>(entry, "top_logprobs")) {
      for (const simdjson::dom::element other : *top) {
        if (token.top.size() == kMaxLogprobs) break;
        token.top.emplace_back(token_of(other), get<double>(other, "logprob").value_or(0));
      }
    }
    out.push_back(std::move(token));
  }
  return out;
}

Result<std::vector<float>> read_vector(const simdjson::dom::element& list) {
  std::vector<float> out;
  simdjson::dom::array numbers;
  if (list.get(numbers) != simdjson::SUCCESS) {
    return fail(internal("the answer has a vector that is no array"));
  }
  out.reserve(numbers.size());
  for (const simdjson::dom::element number : numbers) {
    double value = 0;
    if (number.get(value) != simdjson::SUCCESS ||
        std::abs(value) > static_cast<double>(std::numeric_limits<float>::max())) {
      return fail(internal("the answer has a vector with something else than numbers"));
    }
    out.push_back(static_cast<float>(value));
  }
  if (out.empty()) return fail(internal("the answer has an empty vector"));
  make_unit(out);
  return out;
}

}  // namespace sluice::generation_wire
