// The parameters of a request's query: "status=failed&limit=10".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace sluice::http {

// Decoded ('+' is a blank, as forms write it), in order. kInvalid names a broken escape.
class Query {
 public:
  static Result<Query> parse(std::string_view query);
  // The first of that name.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  // kInvalid for a name that is not one of these, so that a misspelt filter is not taken for none.
  [[nodiscard]] Result<> only(std::initializer_list<std::string_view> names) const;

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

}  // namespace sluice::http
