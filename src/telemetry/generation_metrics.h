// The numbers of texts that language models make, by service class: every name and label in this
// one place.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/time.h"
#include "telemetry/metrics.h"

namespace sluice::telemetry {

// Where the time of a generated answer went, from the first byte of its request. They add up.
struct GenerationTimings {
  Duration queue{};     // waiting for a slot
  Duration load{};      // waiting for the model's weights
  Duration prompt{};    // to the first token
  Duration decode{};    // from the first token to the last
  Duration overhead{};  // all the rest: reading, threads, writing
  Duration to_first{};  // of all this, until the first token was there

  [[nodiscard]] Duration total() const { return queue + load + prompt + decode + overhead; }
};

// In the order of the fields.
inline constexpr std::array<std::string_view, 5> kGenerationStages = {"queue", "load", "prompt",
                                                                      "decode", "overhead"};
inline std::array<Duration, kGenerationStages.size()> stages_of(const GenerationTimings& t) {
  return {t.queue, t.load, t.prompt, t.decode, t.overhead};
}

// The value of a Server-Timing header: queue;dur=0.1, .., total;dur=3.2.
std::string server_timing(const GenerationTimings& timings);

// Of one service class.
struct GenerationMetrics {
  std::array<DurationHistogram, kGenerationStages.size()> stages;
  DurationHistogram to_first;
  Counter prompt_tokens;
  Counter cached_tokens;  // of the prompts', which were not computed again
  Counter completion_tokens;

  void record(const GenerationTimings& timings) const;
  void record_tokens(std::uint64_t prompt, std::uint64_t cached, std::uint64_t completion) const;
};

// `service_class` is "realtime" or "best_effort".
GenerationMetrics generation_metrics(Metrics& metrics, std::string_view service_class);

}  // namespace sluice::telemetry
