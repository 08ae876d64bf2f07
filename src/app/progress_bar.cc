#include "app/progress_bar.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"

namespace sluice::app {

namespace {

// "45s", "3m20s", "2h05m".
std::string left(double seconds) {
  const auto whole = std::llround(seconds);
  if (whole < 60) return formatted("{}s", whole);
  if (whole < 3600) return formatted("{}m{:02}s", whole / 60, whole % 60);
  return formatted("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

}  // namespace

std::string progress_line(const ProgressSeen& seen, std::size_t width) {
  const std::uint64_t done = std::min(seen.done, seen.all);
  const double part =
      seen.all == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(seen.all);
  const auto full = static_cast<std::size_t>(part * static_cast<double>(width));
  std::string line =
      formatted("[{}{}] {:3}%  {}/{}", std::string(full, '#'), std::string(width - full, '.'),
                static_cast<int>(part * 100), done, seen.all);
  if (seen.failed > 0) line += formatted("  {} failed", seen.failed);
  const double seconds = std::chrono::duration<double>(seen.took).count();
  if (done > 0 && seconds > 0) {
    const double rate = static_cast<double>(done) / seconds;
    line += formatted("  {:.1f}/s", rate);
    if (done < seen.all) {
      line += formatted("  {} left", left(static_cast<double>(seen.all - done) / rate));
    }
  }
  return line;
}

}  // namespace sluice::app
