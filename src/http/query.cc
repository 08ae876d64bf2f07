#include "http/query.h"

#include <algorithm>

#include "base/format.h"
#include "http/request_parser.h"

namespace sluice::http {

Result<Query> Query::parse(std::string_view query) {
  Query parsed;
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    if (one.empty()) continue;
    const auto decode = [](std::string_view text) {
      std::string plain(text);
      std::ranges::replace(plain, '+', ' ');
      return percent_decode(plain);
    };
    const std::size_t equals = one.find('=');
    auto name = decode(one.substr(0, equals));
    auto value = decode(equals == std::string_view::npos ? "" : one.substr(equals + 1));
    if (!name || !value) {
      return fail(invalid(formatted("the query has a broken escape in '{}'", one)));
    }
    parsed.parameters_.emplace_back(std::move(*name), std::move(*value));
  }
  return parsed;
}

std::optional<std::string_view> Query::find(std::string_view name) const {
  const auto it = std::ranges::find_if(parameters_, [&](const auto& p) { return p.first == name; });
  if (it == parameters_.end()) return std::nullopt;
  return it->second;
}

Result<> Query::only(std::initializer_list<std::string_view> names) const {
  for (const auto& [name, value] : parameters_) {
    if (std::ranges::find(names, name) != names.end()) continue;
    std::string known;
    for (const std::string_view one : names) {
      if (!known.empty()) known += ", ";
      known += one;
    }
    return fail(invalid(formatted("the query has '{}'; what it may have: {}", name, known)));
  }
  return {};
}

}  // namespace sluice::http
