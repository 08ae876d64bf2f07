// Where the time of a generated answer went.
#pragma once

#include <string>

#include "inference/callable.h"
#include "telemetry/generation_metrics.h"

namespace sluice::api::generation {

using telemetry::GenerationTimings;

// What a call passed since its request arrived. The engine's own account is believed where there
// is one; else the call's times stand for it. What nobody accounts for is overhead, so that the
// parts are the whole.
GenerationTimings timings_of(TimePoint arrival, TimePoint now, const CallTimes& call,
                             const EngineTimes& engine);

// {"queue_ms": .., "load_ms": .., "prompt_ms": .., "decode_ms": .., "overhead_ms": ..,
//  "total_ms": .., "first_token_ms": ..}
void append_timings(std::string& out, const GenerationTimings& timings);

// "TTFT breakdown: total=28.200s, queue_wait=27.600s, prompt_eval=0.600s"
std::string first_token_line(const GenerationTimings& timings);

// "Acquired semaphore (LOW PRIORITY), queue_wait_time_seconds=10.200"; HIGH of realtime.
std::string queue_wait_line(ServiceClass service_class, Duration waited);

}  // namespace sluice::api::generation
