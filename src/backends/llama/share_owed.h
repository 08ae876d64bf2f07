// What realtime's time on an engine owes to best effort that waits beside it.
#pragma once

#include <algorithm>

#include "base/time.h"

namespace sluice::llama {

inline constexpr double kBestEffortShare = 0.05;

// Both classes take turns on one engine, in steps that nobody can interrupt. Best effort gets its
// share of the time by a step of its own now and then, and never two in a row while realtime is
// there: nobody waits for more than one of them. A value; one thread.
class ShareOwed {
 public:
  // Of all the time, below 1.
  explicit ShareOwed(double share) : share_(share) {}

  // A step was made, for realtime or for best effort alone. No more than `most` is owed from then
  // on: who could not be given its time must not get all of it at once, later.
  void spent(bool realtime, Duration took, bool best_effort_waits, Duration most) {
    last_was_best_effort_ = !realtime;
    if (!best_effort_waits) {
      owed_ = Duration::zero();
    } else if (realtime) {
      owed_ += std::chrono::duration_cast<Duration>(took * (share_ / (1 - share_)));
    } else {
      owed_ -= std::min(took, owed_);
    }
    owed_ = std::min(owed_, most);
  }
  // Whether a step of best effort, of about this length, goes before realtime that is there.
  [[nodiscard]] bool is_turn(Duration step) const {
    return !last_was_best_effort_ && owed_ >= step;
  }
  [[nodiscard]] Duration owed() const { return owed_; }
  // How long a step of realtime may be for one step of best effort to make up for it.
  [[nodiscard]] Duration made_up_by(Duration step) const {
    if (share_ <= 0) return Duration::max();
    const double most = to_seconds(step) * (1 - share_) / share_;
    return most > 1e6 ? Duration::max()
                      : std::chrono::duration_cast<Duration>(std::chrono::duration<double>(most));
  }

 private:
  const double share_;
  Duration owed_{};
  bool last_was_best_effort_ = false;
};

}  // namespace sluice::llama
