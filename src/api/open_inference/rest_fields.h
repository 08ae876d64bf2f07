// Reading the objects of the REST form with errors that say where. Internal: includes simdjson.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "api/open_inference/infer_message.h"
#include "base/format.h"
#include "base/result.h"
#include "http/json/reader.h"

namespace sluice::api::open_inference {

// Where something stands, for messages; made into text only when there is something to say.
class Where {
 public:
  explicit Where(std::string_view what) : what_(what) {}                           // "the request"
  Where(std::string_view list, std::size_t index) : what_(list), index_(index) {}  // inputs[0]
  Where(std::string_view what, std::string_view name) : what_(what), name_(name) {}  // input 'x'
  // The same, and a part of it.
  [[nodiscard]] Where part(std::string_view part) const {
    Where other = *this;
    other.part_ = part;
    return other;
  }
  [[nodiscard]] std::string text() const;

 private:
  std::string_view what_;
  std::optional<std::size_t> index_;
  std::optional<std::string_view> name_;
  std::string_view part_;
};

// "inputs[0].name must be a string, got 1"
Error unexpected(const Where& where, std::string_view expected, const simdjson::dom::element& got);
Result<std::string_view> text_of(const Where& where, const simdjson::dom::element& value);
// The entries of an object of parameters: booleans, numbers and strings, each name once.
Result<Parameters> parameters_of(const Where& where, const simdjson::dom::element& value);

// The members of an object that are known here, by position in `names`; others are ignored, as the
// protocol wants.
template <std::size_t N>
class Members {
 public:
  explicit Members(const std::array<std::string_view, N>& names) : names_(names) {}

  Result<> read(const Where& where, const simdjson::dom::element& value) {
    simdjson::dom::object object;
    if (value.get(object) != simdjson::SUCCESS) return fail(unexpected(where, "an object", value));
    for (const auto [key, each] : object) {
      for (std::size_t i = 0; i < N; ++i) {
        if (key != names_[i]) continue;
        if (found_[i])
          return fail(invalid(formatted("{}: '{}' is there twice", where.text(), key)));
        found_[i] = each;
      }
    }
    return {};
  }
  [[nodiscard]] const std::optional<simdjson::dom::element>& operator[](std::size_t i) const {
    return found_[i];
  }
  [[nodiscard]] Result<simdjson::dom::element> need(const Where& where, std::size_t i) const {
    if (found_[i]) return *found_[i];
    return fail(invalid(formatted("{} has no '{}'", where.text(), names_[i])));
  }

 private:
  const std::array<std::string_view, N>& names_;
  std::array<std::optional<simdjson::dom::element>, N> found_{};
};

}  // namespace sluice::api::open_inference
