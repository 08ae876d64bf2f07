#include "scheduling/simulation_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "base/format.h"
#include "config/units.h"
#include "inference/service_class_name.h"

namespace sluice::scheduling {

namespace {

constexpr ServiceClass kClasses[] = {ServiceClass::kRealtime, ServiceClass::kBestEffort};

// Three digits that matter, with a unit.
std::string short_time(Duration time) {
  const double ms = to_ms(time);
  if (ms == 0) return "0";
  if (ms < 10) return formatted("{:.2f}ms", ms);
  if (ms < 1000) return formatted("{:.0f}ms", ms);
  if (ms < 100'000) return formatted("{:.1f}s", ms / 1000);
  return formatted("{:.0f}s", ms / 1000);
}

void add_row(std::string& out, std::string_view policy, const LoadResult& row) {
  out += formatted("{:<16} {:<16} {:<11} {:>8} {:>8} {:>8} {:>7.1f}% {:>8} {:>8} {:>8} {:>8}\n",
                   policy, row.load.empty() ? "(all)" : row.load, to_string(row.service_class),
                   row.calls, row.waits.size(), row.all_refused(), 100 * row.part_in_time(),
                   short_time(row.mean_wait()), short_time(row.wait_of(0.5)),
                   short_time(row.wait_of(0.99)), short_time(row.wait_of(1)));
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        // Control characters have no place in XML.
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

// The chart's place on its page, in pixels.
constexpr double kLeft = 70;
constexpr double kTop = 60;
constexpr double kWidth = 640;
constexpr double kHeight = 320;
constexpr double kLineHeight = 20;
// The waits shown, in powers of ten of a second.
constexpr int kLeastPower = -3;
constexpr int kMostPower = 4;
constexpr std::array<std::string_view, 6> kColours = {"#1f77b4", "#d62728", "#2ca02c",
                                                      "#ff7f0e", "#9467bd", "#17becf"};
constexpr std::array<std::string_view, 4> kDashes = {"", "7 4", "2 3", "10 3 2 3"};

double x_of(Duration wait) {
  const double power = std::log10(std::max(to_seconds(wait), 1e-9));
  const double inside = std::clamp<double>(power, kLeastPower, kMostPower) - kLeastPower;
  return kLeft + kWidth * inside / (kMostPower - kLeastPower);
}
double y_of(double part) {
  return kTop + kHeight * (1 - part);
}

void add_axes(std::string& out) {
  constexpr std::array<std::string_view, kMostPower - kLeastPower + 1> kNames = {
      "1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s", "1,000 s", "10,000 s"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const double x = kLeft + kWidth * static_cast<double>(i) / (kMostPower - kLeastPower);
    out += formatted(
        "<line x1='{0:.1f}' y1='{1}' x2='{0:.1f}' y2='{2}' stroke='#ddd'/>"
        "<text x='{0:.1f}' y='{3}' text-anchor='middle'>{4}</text>\n",
        x, kTop, kTop + kHeight, kTop + kHeight + 18, kNames[i]);
  }
  for (int percent = 0; percent <= 100; percent += 25) {
    out += formatted(
        "<line x1='{0}' y1='{1:.1f}' x2='{2}' y2='{1:.1f}' stroke='#ddd'/>"
        "<text x='{3}' y='{4:.1f}' text-anchor='end'>{5} %</text>\n",
        kLeft, y_of(percent / 100.0), kLeft + kWidth, kLeft - 8, y_of(percent / 100.0) + 4,
        percent);
  }
  out += formatted("<text x='{}' y='{}' text-anchor='middle'>had a slot within</text>\n",
                   kLeft + kWidth / 2, kTop + kHeight + 38);
}

void add_line(std::string& out, const LoadResult& load, std::string_view colour,
              std::string_view dash) {
  if (load.waits.empty()) return;
  // As many points as can be told apart.
  constexpr int kPoints = 200;
  std::string points = formatted("{:.1f},{:.1f}", kLeft, y_of(0));
  const double served = static_cast<double>(load.waits.size()) / static_cast<double>(load.calls);
  for (int i = 1; i <= kPoints; ++i) {
    const double part = static_cast<double>(i) / kPoints;
    points += formatted(" {:.1f},{:.1f}", x_of(load.wait_of(part)), y_of(part * served));
  }
  points += formatted(" {:.1f},{:.1f}", kLeft + kWidth, y_of(served));
  out += formatted(
      "<polyline fill='none' stroke='{}' stroke-width='2' stroke-dasharray='{}' points='{}'/>\n",
      colour, dash, points);
}

}  // namespace

std::string simulation_table(const SimulationOptions& options,
                             std::span<const PolicyResult> results) {
  std::string out;
  if (!options.about.empty()) out += options.about + "\n";
  out += formatted(
      "{} of calls, seed {}; in time: answered within {}. Waits are those for a slot.\n\n",
      config::format_duration(options.duration), options.seed,
      config::format_duration(options.in_time));
  out += formatted("{:<16} {:<16} {:<11} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}\n",
                   "POLICY", "LOAD", "CLASS", "CALLS", "SERVED", "REFUSED", "IN TIME", "MEAN",
                   "P50", "P99", "MAX");
  for (const PolicyResult& result : results) {
    for (const ServiceClass one : kClasses) {
      std::size_t of_class = 0;
      for (const LoadResult& load : result.loads) {
        if (load.service_class != one) continue;
        ++of_class;
        add_row(out, result.policy, load);
      }
      if (of_class > 1) add_row(out, result.policy, result.all_of(one));
    }
  }
  return out;
}

std::string simulation_chart(const SimulationOptions& options,
                             std::span<const PolicyResult> results) {
  std::size_t lines = 0;
  for (const PolicyResult& result : results) lines += result.loads.size();
  const double legend = kTop + kHeight + 64;
  const double height = legend + kLineHeight * static_cast<double>(lines) + 10;
  std::string out = formatted(
      "<svg xmlns='http://www.w3.org/2000/svg' width='{0}' height='{1}' viewBox='0 0 {0} {1}' "
      "font-family='sans-serif' font-size='12'>\n"
      "<rect width='100%' height='100%' fill='white'/>\n"
      "<text x='{2}' y='30' font-size='15'>{3}</text>\n",
      kLeft + kWidth + 40, height, kLeft,
      escaped(options.about.empty() ? "Waits for a slot" : options.about));
  add_axes(out);
  double y = legend;
  for (std::size_t p = 0; p < results.size(); ++p) {
    const std::string_view colour = kColours[p % kColours.size()];
    for (std::size_t i = 0; i < results[p].loads.size(); ++i) {
      const LoadResult& load = results[p].loads[i];
      const std::string_view dash = kDashes[i % kDashes.size()];
      add_line(out, load, colour, dash);
      out += formatted(
          "<line x1='{0}' y1='{1}' x2='{2}' y2='{1}' stroke='{3}' stroke-width='2' "
          "stroke-dasharray='{4}'/><text x='{5}' y='{6}'>{7}: {8} ({9}), p50 {10}, p99 {11}, "
          "{12} of {13} refused</text>\n",
          kLeft, y - 4, kLeft + 40, colour, dash, kLeft + 50, y, escaped(results[p].policy),
          escaped(load.load), to_string(load.service_class), short_time(load.wait_of(0.5)),
          short_time(load.wait_of(0.99)), load.all_refused(), load.calls);
      y += kLineHeight;
    }
  }
  return out + "</svg>\n";
}

}  // namespace sluice::scheduling
