#include "api/jobs/body.h"

#include <algorithm>

#include "base/format.h"
#include "config/units.h"

namespace sluice::api::jobs {

using simdjson::dom::element;
using simdjson::dom::object;

namespace {

// None when the field is absent or null.
std::optional<element> value_of(const object& body, const char* name) {
  element value;
  if (body[name].get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  return value;
}

}  // namespace

Result<object> read_object(json::Reader& reader, std::string_view body, std::string_view example) {
  const auto root = reader.parse(body);
  if (!root) return fail(root.error());
  object found;
  if (root->get(found) != simdjson::SUCCESS) {
    return fail(
        invalid(formatted("expected an object like {}, got {}", example, json::kind_of(*root))));
  }
  return found;
}

Result<> only_known_fields(const object& body, std::span<const std::string_view> known) {
  for (const auto field : body) {
    if (std::ranges::find(known, field.key) != known.end()) continue;
    std::string names;
    for (const std::string_view one : known) {
      if (!names.empty()) names += ", ";
      names += one;
    }
    return fail(
        invalid(formatted("the body has a field '{}'; what it may have: {}", field.key, names)));
  }
  return {};
}

Result<std::optional<std::string_view>> text_field(const object& body, const char* name) {
  const auto value = value_of(body, name);
  if (!value) return std::nullopt;
  std::string_view text;
  if (value->get(text) != simdjson::SUCCESS) {
    return fail(invalid(formatted("'{}': expected a string, got {}", name, json::kind_of(*value))));
  }
  return text;
}

Result<std::optional<std::int64_t>> integer_field(const object& body, const char* name,
                                                  std::int64_t least, std::int64_t most) {
  const auto value = value_of(body, name);
  if (!value) return std::nullopt;
  std::int64_t number = 0;
  if (value->get(number) != simdjson::SUCCESS || number < least || number > most) {
    return fail(invalid(formatted("'{}': expected a whole number from {} to {}, got {}", name,
                                  least, most, json::excerpt(*value))));
  }
  return number;
}

Result<std::optional<Duration>> duration_field(const object& body, const char* name, Duration least,
                                               Duration most) {
  const auto text = text_field(body, name);
  if (!text) return fail(text.error());
  if (!*text) return std::nullopt;
  const auto duration = config::parse_duration(**text);
  if (!duration || *duration < least || *duration > most) {
    return fail(
        invalid(formatted("'{}': expected how long, from {} to {}; got \"{}\"", name,
                          config::format_duration(least), config::format_duration(most), **text)));
  }
  return *duration;
}

void refuse(http::Exchange& exchange, const Error& error) {
  const bool no_json = error.code == ErrorCode::kInvalid && error.message.starts_with("not JSON");
  http::respond_problem(exchange, no_json ? 400 : http::status_of(error.code), error);
}

}  // namespace sluice::api::jobs
