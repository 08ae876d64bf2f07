#include "app/progress_bar.h"

#include <algorithm>
#include <format>

namespace sluice::app {

namespace {

// "45s", "3m20s", "2h05m".
std::string left(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole < 60) return std::format("{}s", whole);
  if (whole < 3600) return std::format("{}m{:02}s", whole / 60, whole % 60);
  return std::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

}  // namespace

std::string progress_line(const ProgressSeen& seen, std::size_t width) {
  const std::uint64_t done = std::min(seen.done, seen.all);
  const double part =
      seen.all == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(seen.all);
  const auto full = static_cast<std::size_t>(part * static_cast<double>(width));
  std::string line =
      std::format("[{}{}] {:3}%  {}/{}", std::string(full, '#'), std::string(width - full, '.'),
                  static_cast<int>(part * 100), done, seen.all);
  if (seen.failed > 0) line += std::format("  {} failed", seen.failed);
  const double seconds = std::chrono::duration<double>(seen.took).count();
  if (done > 0 && seconds > 0) {
    const double rate = static_cast<double>(done) / seconds;
    line += std::format("  {:.1f}/s", rate);
    if (done < seen.all) {
      line += std::format("  {} left", left(static_cast<double>(seen.all - done) / rate));
    }
  }
  return line;
}

}  // namespace sluice::app
