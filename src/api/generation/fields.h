// The members of a JSON object, read one after the other; the first fault is kept. Include in .cc
// files only.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/generation/fault.h"
#include "http/json/reader.h"

namespace sluice::api::generation {

// Keeps the first.
class Faults {
 public:
  void add(std::string param, std::string message);
  [[nodiscard]] bool any() const { return first_.has_value(); }
  [[nodiscard]] const Fault& first() const { return *first_; }
  // What was read, where nothing is wrong with it.
  template <class T>
  [[nodiscard]] Read<T> unless_any(T read) const {
    if (first_) return std::unexpected(*first_);
    return read;
  }

 private:
  std::optional<Fault> first_;
};

// A view of one object of the request; null counts as left out. What is of the wrong type or out of
// bounds is a fault and reads as left out, so a reader goes on and asks `faults` at its end.
// Members that nobody asks for are ignored, as clients of the protocols served here expect.
class Fields {
 public:
  // A fault where `value` is no object. `path` is the place of the object: "options".
  Fields(simdjson::dom::element value, Faults& faults, std::string path = {});

  [[nodiscard]] std::optional<simdjson::dom::element> get(std::string_view name) const;
  [[nodiscard]] std::optional<std::string_view> text(std::string_view name) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view name) const;
  [[nodiscard]] std::optional<double> number(std::string_view name, double least,
                                             double most) const;
  // A number without a fraction.
  [[nodiscard]] std::optional<std::int64_t> integer(
      std::string_view name, std::int64_t least = std::numeric_limits<std::int64_t>::min(),
      std::int64_t most = std::numeric_limits<std::int64_t>::max()) const;
  [[nodiscard]] std::optional<simdjson::dom::array> array(std::string_view name,
                                                          std::size_t most) const;
  // A text, or a list of at most so many texts.
  [[nodiscard]] std::optional<std::vector<std::string>> texts(std::string_view name,
                                                              std::size_t most) const;
  // It must be there.
  [[nodiscard]] std::string_view needed_text(std::string_view name) const;

  void fault(std::string_view name, std::string message) const;
  [[nodiscard]] Faults& faults() const { return faults_; }
  [[nodiscard]] std::string path_of(std::string_view name) const;

 private:
  void expected(std::string_view name, std::string_view what,
                const simdjson::dom::element& got) const;

  std::optional<simdjson::dom::object> object_;
  Faults& faults_;
  std::string path_;
};

// What `fill(fields, read)` makes of a body that must be one object. `body` must be followed by
// json::kPadding readable bytes.
template <class T, class F>
Read<T> read_object(json::Reader& reader, std::string_view body, F fill) {
  const auto root = reader.parse(body);
  if (!root) return std::unexpected(Fault{root.error(), {}});
  Faults faults;
  const Fields fields(*root, faults);
  T read{};
  fill(fields, read);
  return faults.unless_any(std::move(read));
}

// An element as JSON text.
std::string json_text(const simdjson::dom::element& value);

}  // namespace sluice::api::generation
