#include "api/generation/fields.h"

#include <cmath>
#include <utility>

#include "base/format.h"

namespace sluice::api::generation {

namespace {
using simdjson::dom::element;

// Whole, and exact in 64 bits.
std::optional<std::int64_t> whole(const element& value) {
  std::int64_t integer = 0;
  if (value.get(integer) == simdjson::SUCCESS) return integer;
  double number = 0;
  if (value.get(number) != simdjson::SUCCESS) return std::nullopt;
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (std::abs(number) > kExact || std::trunc(number) != number) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

std::string bounds(std::int64_t least, std::int64_t most) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  if (least == std::numeric_limits<std::int64_t>::min()) return "";
  return most == kMost ? formatted(" of at least {}", least)
                       : formatted(" from {} to {}", least, most);
}
}  // namespace

void Faults::add(std::string param, std::string message) {
  if (!first_) first_ = Fault{invalid(std::move(message)), std::move(param)};
}

Fields::Fields(element value, Faults& faults, std::string path)
    : faults_(faults), path_(std::move(path)) {
  simdjson::dom::object object;
  if (value.get(object) == simdjson::SUCCESS) {
    object_ = object;
  } else {
    faults_.add(path_,
                formatted("{} must be an object, got {}",
                          path_.empty() ? "the body" : "'" + path_ + "'", json::excerpt(value)));
  }
}

std::string Fields::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : formatted("{}.{}", path_, name);
}

void Fields::fault(std::string_view name, std::string message) const {
  faults_.add(path_of(name), std::move(message));
}

void Fields::expected(std::string_view name, std::string_view what, const element& got) const {
  fault(name, formatted("'{}' must be {}, got {}", path_of(name), what, json::excerpt(got)));
}

std::optional<element> Fields::get(std::string_view name) const {
  element value;
  if (!object_ || object_->at_key(name).get(value) != simdjson::SUCCESS || value.is_null()) {
    return std::nullopt;
  }
  return value;
}

std::optional<std::string_view> Fields::text(std::string_view name) const {
  const auto value = get(name);
  if (!value) return std::nullopt;
  std::string_view text;
  if (value->get(text) == simdjson::SUCCESS) return text;
  expected(name, "a string", *value);
  return std::nullopt;
}

std::string_view Fields::needed_text(std::string_view name) const {
  if (!get(name)) fault(name, formatted("'{}' is missing", path_of(name)));
  return text(name).value_or("");
}

std::optional<bool> Fields::boolean(std::string_view name) const {
  const auto value = get(name);
  if (!value) return std::nullopt;
  bool truth = false;
  if (value->get(truth) == simdjson::SUCCESS) return truth;
  expected(name, "true or false", *value);
  return std::nullopt;
}

std::optional<double> Fields::number(std::string_view name, double least, double most) const {
  const auto value = get(name);
  if (!value) return std::nullopt;
  double number = 0;
  if (value->get(number) == simdjson::SUCCESS && number >= least && number <= most) return number;
  expected(name, formatted("a number from {} to {}", least, most), *value);
  return std::nullopt;
}

std::optional<std::int64_t> Fields::integer(std::string_view name, std::int64_t least,
                                            std::int64_t most) const {
  const auto value = get(name);
  if (!value) return std::nullopt;
  const auto integer = whole(*value);
  if (integer && *integer >= least && *integer <= most) return integer;
  expected(name, formatted("an integer{}", bounds(least, most)), *value);
  return std::nullopt;
}

std::optional<simdjson::dom::array> Fields::array(std::string_view name, std::size_t most) const {
  const auto value = get(name);
  if (!value) return std::nullopt;
  simdjson::dom::array array;
  if (value->get(array) != simdjson::SUCCESS) {
    expected(name, "a list", *value);
    return std::nullopt;
  }
  if (array.size() > most) {
    fault(name, formatted("'{}' has {} entries, at most {} are taken", path_of(name), array.size(),
                          most));
    return std::nullopt;
  }
  return array;
}

std::optional<std::vector<std::string>> Fields::texts(std::string_view name,
                                                      std::size_t most) const {
  const auto value = get(name);
  if (!value) return std::nullopt;
  std::string_view text;
  if (value->get(text) == simdjson::SUCCESS) return std::vector{std::string(text)};
  if (!value->is_array()) {
    expected(name, "a string or a list of strings", *value);
    return std::nullopt;
  }
  const auto list = array(name, most);
  if (!list) return std::nullopt;
  std::vector<std::string> texts;
  for (const element entry : *list) {
    if (entry.get(text) != simdjson::SUCCESS) {
      expected(formatted("{}[{}]", name, texts.size()), "a string", entry);
      return std::nullopt;
    }
    texts.emplace_back(text);
  }
  return texts;
}

std::string json_text(const element& value) {
  return simdjson::minify(value);
}

}  // namespace sluice::api::generation
