#include "app/progress_bar.h"

#include <gtest/gtest.h>

namespace sluice::app {
namespace {

using std::chrono::seconds;

TEST(ProgressBar, SaysHowFarHowFastAndHowLongStill) {
  const std::pair<ProgressSeen, const char*> rows[] = {
      {{0, 50, 0, seconds(1)}, "[..........]   0%  0/50"},
      {{25, 50, 1, seconds(2)}, "[#####.....]  50%  25/50  1 failed  12.5/s  2s left"},
      {{1, 401, 0, seconds(1)}, "[..........]   0%  1/401  1.0/s  6m40s left"},
      {{1, 7501, 0, seconds(1)}, "[..........]   0%  1/7501  1.0/s  2h05m left"},
      {{50, 50, 0, seconds(4)}, "[##########] 100%  50/50  12.5/s"},
      {{0, 0, 0, seconds(0)}, "[##########] 100%  0/0"}};
  for (const auto& [seen, line] : rows) EXPECT_EQ(progress_line(seen, 10), line);
}

}  // namespace
}  // namespace sluice::app
