#include "telemetry/generation_metrics.h"

#include <string>

#include "base/format.h"

namespace sluice::telemetry {

std::string server_timing(const GenerationTimings& timings) {
  std::string out;
  const auto spent = stages_of(timings);
  for (std::size_t i = 0; i < spent.size(); ++i) {
    out += formatted("{};dur={:.3f}, ", kGenerationStages[i], to_ms(spent[i]));
  }
  return out + formatted("total;dur={:.3f}", to_ms(timings.total()));
}

void GenerationMetrics::record(const GenerationTimings& timings) const {
  const auto spent = stages_of(timings);
  for (std::size_t i = 0; i < spent.size(); ++i) stages[i].record(spent[i]);
  to_first.record(timings.to_first);
}

void GenerationMetrics::record_tokens(std::uint64_t prompt, std::uint64_t cached,
                                      std::uint64_t completion) const {
  prompt_tokens.add(prompt);
  cached_tokens.add(cached);
  completion_tokens.add(completion);
}

GenerationMetrics generation_metrics(Metrics& metrics, std::string_view service_class) {
  GenerationMetrics made;
  const FamilyOptions stage{"sluice_generation_stage_duration_seconds",
                            "Time of a generated answer by class and stage, in seconds.",
                            {"class", "stage"}};
  for (std::size_t i = 0; i < kGenerationStages.size(); ++i) {
    made.stages[i] = metrics.durations(stage, {service_class, kGenerationStages[i]});
  }
  made.to_first = metrics.durations({"sluice_time_to_first_token_seconds",
                                     "From the first byte of a request to its first token, in "
                                     "seconds.",
                                     {"class"}},
                                    {service_class});
  const FamilyOptions tokens{
      "sluice_tokens_total", "Tokens of prompts and answers, by kind.", {"class", "kind"}};
  made.prompt_tokens = metrics.counter(tokens, {service_class, "prompt"});
  made.cached_tokens = metrics.counter(tokens, {service_class, "cached"});
  made.completion_tokens = metrics.counter(tokens, {service_class, "completion"});
  return made;
}

}  // namespace sluice::telemetry
