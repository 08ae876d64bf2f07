#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "api/ollama/request.h"

namespace sluice::api::ollama {

std::optional<Duration> parse_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 8> kUnits = {{{"ns", 1},
                                                                          {"us", 1e3},
                                                                          {"\xC2\xB5s", 1e3},
                                                                          {"\xCE\xBCs", 1e3},
                                                                          {"ms", 1e6},
                                                                          {"s", 1e9},
                                                                          {"m", 6e10},
                                                                          {"h", 3.6e12}}};
  constexpr double kMost = 9e18;  // just inside 64 bits of nanoseconds
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return Duration::zero();
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc() || number < 0 || text.front() == '-') return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    double unit = 0;
    for (const auto& [name, size] : kUnits) {
      // "m" is also the beginning of "ms".
      if (!text.starts_with(name) || (name == "m" && text.starts_with("ms"))) continue;
      unit = size;
      text.remove_prefix(name.size());
      break;
    }
    if (unit == 0) return std::nullopt;
    total += number * unit;
    if (!(total < kMost)) return std::nullopt;
  }
  return Duration(static_cast<std::int64_t>(negative ? -total : total));
}

}  // namespace sluice::api::ollama
