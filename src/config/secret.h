// A text that must not be seen: a key, a password.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace sluice::config {

// Holds a secret so that nothing prints it by accident: it has no stream operator and no
// formatter, and the printing of a configuration hides it. A value; its owner decides.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}

  // For the one place that needs the text itself.
  [[nodiscard]] const std::string& reveal() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }

  bool operator==(const Secret&) const = default;

 private:
  std::string value_;
};

}  // namespace sluice::config
