#include "api/open_inference/rest_fields.h"

#include "base/format.h"

namespace sluice::api::open_inference {

namespace dom = simdjson::dom;

std::string Where::text() const {
  std::string text(what_);
  if (index_) text += formatted("[{}]", *index_);
  if (name_) text += formatted(" '{}'", *name_);
  if (!part_.empty()) text += (name_ ? ": " : ".") + std::string(part_);
  return text;
}

Error unexpected(const Where& where, std::string_view expected, const dom::element& got) {
  return invalid(formatted("{} must be {}, got {}", where.text(), expected, json::excerpt(got)));
}

Result<std::string_view> text_of(const Where& where, const dom::element& value) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return fail(unexpected(where, "a string", value));
  return text;
}

namespace {
Result<Parameter> parameter_of(std::string_view name, const dom::element& value) {
  if (bool flag = false; value.get(flag) == simdjson::SUCCESS) return flag;
  if (std::int64_t number = 0; value.get(number) == simdjson::SUCCESS) return number;
  if (double number = 0; value.get(number) == simdjson::SUCCESS) return number;
  if (std::string_view text; value.get(text) == simdjson::SUCCESS) return std::string(text);
  return fail(unexpected(Where("parameter", name), "a boolean, a number or a string", value));
}

}  // namespace

Result<Parameters> parameters_of(const Where& where, const dom::element& value) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return fail(unexpected(where, "an object", value));
  Parameters parameters;
  for (const auto [name, each] : object) {
    if (auto good = check_name("a parameter", name); !good) return fail(good.error());
    auto parameter = parameter_of(name, each);
    if (!parameter) return fail(parameter.error());
    if (!parameters.emplace(std::string(name), std::move(*parameter)).second) {
      return fail(invalid(formatted("parameter '{}' is there twice", name)));
    }
    if (parameters.size() > kMaxParameters) {
      return fail(invalid(formatted("{} has more than {} entries", where.text(), kMaxParameters)));
    }
  }
  return parameters;
}

}  // namespace sluice::api::open_inference
