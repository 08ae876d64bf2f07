#include "http/later.h"

#include <algorithm>

namespace sluice::http {

std::optional<std::string_view> preference(const RequestHead& head, std::string_view name) {
  std::string_view list = head.header("Prefer").value_or("");
  while (!list.empty()) {
    const std::string_view one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), one.size() + 1));
    const std::string_view token = trim(one.substr(0, one.find(';')));
    const std::size_t equals = token.find('=');
    if (!iequals(trim(token.substr(0, equals)), name)) continue;
    return equals == std::string_view::npos ? "" : trim(token.substr(equals + 1));
  }
  return std::nullopt;
}

}  // namespace sluice::http
