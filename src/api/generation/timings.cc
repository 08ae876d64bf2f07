#include "api/generation/timings.h"

#include <algorithm>
#include <array>

#include "base/format.h"
#include "http/json/writer.h"

namespace sluice::api::generation {

GenerationTimings timings_of(TimePoint arrival, TimePoint now, const CallTimes& call,
                             const EngineTimes& engine) {
  constexpr TimePoint kNone{};
  const auto between = [&](TimePoint from, TimePoint to) {
    return from == kNone || to == kNone ? Duration::zero() : std::max(Duration::zero(), to - from);
  };
  GenerationTimings t{.queue = between(call.queued, call.started),
                      .load = engine.load,
                      .prompt = engine.prompt,
                      .decode = engine.decode,
                      .overhead = {},
                      .to_first = {}};
  if (t.prompt + t.decode == Duration::zero()) {
    const TimePoint first = call.first == kNone ? call.ran : call.first;
    t.prompt = std::max(Duration::zero(), between(call.started, first) - t.load);
    t.decode = between(first, call.ran);
  }
  const Duration total = between(arrival, now);
  t.overhead = std::max(Duration::zero(), total - (t.queue + t.load + t.prompt + t.decode));
  if (call.first != kNone) {
    t.to_first = between(arrival, call.first);
  } else if (call.started != kNone) {
    t.to_first = between(arrival, call.started) + t.load + t.prompt;
  } else {
    t.to_first = total - t.decode;
  }
  return t;
}

void append_timings(std::string& out, const GenerationTimings& timings) {
  json::Writer writer(out);
  // To the microsecond: what is below says nothing.
  const auto ms = [](Duration d) {
    return static_cast<double>(std::chrono::round<std::chrono::microseconds>(d).count()) / 1000.0;
  };
  writer.begin_object();
  const auto spent = telemetry::stages_of(timings);
  for (std::size_t i = 0; i < spent.size(); ++i) {
    writer.field(formatted("{}_ms", telemetry::kGenerationStages[i]), ms(spent[i]));
  }
  writer.field("total_ms", ms(timings.total()))
      .field("first_token_ms", ms(timings.to_first))
      .end_object();
}

std::string first_token_line(const GenerationTimings& timings) {
  return formatted("TTFT breakdown: total={:.3f}s, queue_wait={:.3f}s, prompt_eval={:.3f}s",
                   to_seconds(timings.to_first), to_seconds(timings.queue),
                   to_seconds(timings.prompt));
}

std::string queue_wait_line(ServiceClass service_class, Duration waited) {
  return formatted("Acquired semaphore ({} PRIORITY), queue_wait_time_seconds={:.3f}",
                   service_class == ServiceClass::kRealtime ? "HIGH" : "LOW", to_seconds(waited));
}

}  // namespace sluice::api::generation
