// std::format, compiled once: libstdc++'s is inline down to the formatting of every built-in type,
// seconds of compilation in each of the hundreds of sources that call it.
#pragma once

#include <format>
#include <string>
#include <string_view>

namespace sluice {

// What std::vformat answers.
std::string vformatted(std::string_view form, std::format_args arguments);

// What std::format answers: the form is checked against the arguments at compile time.
template <typename... Args>
[[nodiscard]] std::string formatted(std::format_string<Args...> form, Args&&... arguments) {
  return vformatted(form.get(), std::make_format_args(arguments...));
}

}  // namespace sluice
