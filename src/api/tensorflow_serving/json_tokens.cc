#include "api/tensorflow_serving/json_tokens.h"

#include <algorithm>
#include <limits>

#include "http/json/reader.h"

namespace sluice::api::tensorflow_serving {

namespace {
struct Token {
  std::string_view word;
  std::string_view object;  // as long as the word
  double number;
};
constexpr Token kTokens[] = {
    {"NaN", R"({ })", std::numeric_limits<double>::quiet_NaN()},
    {"Infinity", R"({"":1  })", std::numeric_limits<double>::infinity()},
    {"-Infinity", R"({"":-1  })", -std::numeric_limits<double>::infinity()},
};
static_assert(std::ranges::all_of(kTokens, [](const Token& token) {
  return token.word.size() == token.object.size();
}));
}  // namespace

std::optional<std::string> without_tokens(std::string_view json) {
  std::optional<std::string> replaced;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
      continue;
    }
    in_string = c == '"';
    if (c != 'N' && c != 'I' && c != '-') continue;
    for (const Token& token : kTokens) {
      if (!json.substr(i).starts_with(token.word)) continue;
      if (!replaced) replaced.emplace(json);
      replaced->replace(i, token.word.size(), token.object);
      i += token.word.size() - 1;
      break;
    }
  }
  return replaced;
}

std::optional<double> token_of(const simdjson::dom::element& value) {
  simdjson::dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return std::nullopt;
  if (object.size() == 0) return kTokens[0].number;
  std::int64_t sign = 0;
  if (object.size() != 1 || object.at_key("").get(sign) != simdjson::SUCCESS) return std::nullopt;
  if (sign == 1) return kTokens[1].number;
  if (sign == -1) return kTokens[2].number;
  return std::nullopt;
}

}  // namespace sluice::api::tensorflow_serving
