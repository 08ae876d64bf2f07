// Where the time of a request went.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace sluice::telemetry {

enum class Stage : std::uint8_t {
  kParse,   // from the first byte of the request to a decoded input
  kQueue,   // waiting for a slot, a batch or a thread
  kRun,     // the backend, or the members of an ensemble
  kEncode,  // from the result to the bytes of the answer
};
inline constexpr std::size_t kStageCount = 4;
std::string_view to_string(Stage stage);

// A stopwatch with laps: each lap gives the time since the one before to a stage. A value of the
// call, used by one thread at a time; the clock is read by the caller.
class RequestTimings {
 public:
  RequestTimings() = default;
  explicit RequestTimings(TimePoint start) : start_(start), last_(start) {}

  // The time since the last lap was spent in `stage`. A stage may come several times.
  void lap(Stage stage, TimePoint now) {
    const auto i = static_cast<std::size_t>(stage);
    spent_[i] += now - last_;
    seen_ |= static_cast<std::uint8_t>(1U << i);
    last_ = now;
  }
  // Time that belongs to no stage (the client was slow to send, say) is left out of all of them.
  void skip(TimePoint now) { last_ = now; }
  // Time measured elsewhere, for a stage that the laps did not see.
  void add(Stage stage, Duration spent) {
    const auto i = static_cast<std::size_t>(stage);
    spent_[i] += spent;
    seen_ |= static_cast<std::uint8_t>(1U << i);
  }

  [[nodiscard]] TimePoint start() const { return start_; }
  [[nodiscard]] bool has(Stage stage) const {
    return (seen_ >> static_cast<unsigned>(stage) & 1U) != 0;
  }
  [[nodiscard]] Duration spent(Stage stage) const {
    return spent_[static_cast<std::size_t>(stage)];
  }
  // From the start to the last lap.
  [[nodiscard]] Duration total() const { return last_ - start_; }

 private:
  TimePoint start_{};
  TimePoint last_{};
  std::array<Duration, kStageCount> spent_{};
  std::uint8_t seen_ = 0;
};

// The value of a Server-Timing header (www.w3.org/TR/server-timing), in ms to the microsecond:
// parse;dur=0.012, run;dur=0.031, total;dur=0.045. Stages that did not happen are left out.
void append_server_timing(std::string& out, const RequestTimings& timings);
std::string server_timing(const RequestTimings& timings);

}  // namespace sluice::telemetry
