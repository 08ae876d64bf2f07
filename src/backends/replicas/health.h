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
// A call that ran out of time says as much of its caller's patience as of the replica. It is a
// failure only when the replica was silent for much longer than answers take: kFairChance medians,
// in one call, or in several after one another without an answer in between. Calls with less
// patience than kLeastChance medians say nothing.
//
// One owner; not thread-safe.
class ReplicaHealth {
 public:
  enum class State : std::uint8_t { kIn, kOut, kProbing };

  // A failure after so many successes since the last failure. True: it should be put out.
  bool on_failure(std::uint64_t successes_before, TimePoint now, const EjectionOptions& options);
  // A call that waited in vain, where half of the answers come within `median` (zero: there never
  // was one). True: that is a failure, and on_failure() is to be told.
  bool timeout_counts(std::uint64_t successes_before, Duration waited, Duration median,
                      TimePoint now);
  void put_out(TimePoint now, const EjectionOptions& options);
  // Out, and its time is over: ask it something that hurts nobody.
  [[nodiscard]] bool probe_due(TimePoint now) const {
    return state_ == State::kOut && now >= until_;
  }
  void on_probe_started() { state_ = State::kProbing; }
  void on_probe_ended(bool success, TimePoint now, const EjectionOptions& options);
  // It has proved itself.
  void let_in(TimePoint now);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] TimePoint out_until() const { return until_; }
  [[nodiscard]] double failure_ratio() const { return ratio_; }

  static constexpr int kLeastChance = 2;  // medians
  static constexpr int kFairChance = 10;

 private:
  void note_successes(std::uint64_t successes);

  State state_ = State::kIn;
  std::uint32_t in_a_row_ = 0;
  double ratio_ = 0.0;
  std::uint32_t times_out_ = 0;
  TimePoint until_{};
  TimePoint in_since_{};
  Duration silent_{};  // of the time up to silent_until_, since the last success or failure
  TimePoint silent_until_{};
};

// How many of `replicas` may be out at a time.
std::size_t most_out(std::size_t replicas, double share);

}  // namespace sluice::replicas
