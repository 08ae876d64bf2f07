// Whether one replica is fit to be asked: a pure state machine.
#pragma once

#include <cstdint>

#include "backends/replicas/options.h"
#include "base/time.h"

namespace sluice::replicas {

// In -> (too many failures) -> out for a time -> probed -> in, or out again for twice as long.
//
// Two rules put it out, as in Envoy's outlier detection: failures in a row, for a replica that is
// dead, and the share of failures, for one that is flaky. The share is a moving average over
// outcomes, not over time (Finagle's "success rate" failure accrual), so it needs no clock and a
// replica that is asked seldom is judged by as many answers as one that is asked often.
//
// One owner; not thread-safe.
class ReplicaHealth {
 public:
  enum class State : std::uint8_t { kIn, kOut, kProbing };

  // A failure after so many successes since the last failure. True: it should be put out.
  bool on_failure(std::uint64_t successes_before, TimePoint now, const EjectionOptions& options);
  void put_out(TimePoint now, const EjectionOptions& options);
  // Out, and its time is over: ask it something that hurts nobody.
  [[nodiscard]] bool probe_due(TimePoint now) const {
    return state_ == State::kOut && now >= until_;
  }
  void on_probe_started() { state_ = State::kProbing; }
  void on_probe_ended(bool success, TimePoint now, const EjectionOptions& options);
  // Back without having proved itself, because too many others are out.
  void let_in(TimePoint now);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] TimePoint out_until() const { return until_; }
  [[nodiscard]] double failure_ratio() const { return ratio_; }

 private:
  State state_ = State::kIn;
  std::uint32_t in_a_row_ = 0;
  double ratio_ = 0.0;
  std::uint32_t times_out_ = 0;
  TimePoint until_{};
  TimePoint in_since_{};
};

// How many of `replicas` may be out at a time.
std::size_t most_out(std::size_t replicas, double share);

}  // namespace sluice::replicas
