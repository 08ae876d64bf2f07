// What a call tells the next server of itself, whatever protocol that one speaks.
#pragma once

#include "base/random.h"
#include "inference/callable.h"
#include "telemetry/trace.h"

namespace sluice {

// Calls add(name, value) for each field, names in lower case: `traceparent` with a span of its own
// in the call's trace, `tracestate` as it came, `x-request-id`. The views are gone when add()
// returns.
template <class Add>
void pass_on(const Call& call, Random& random, Add add) {
  if (const auto parent = telemetry::parse_traceparent(call.traceparent)) {
    add("traceparent", telemetry::format_traceparent(parent->child(random)).view());
    if (!call.tracestate.empty()) add("tracestate", call.tracestate);
  }
  if (!call.request_id.empty()) add("x-request-id", call.request_id);
}

}  // namespace sluice
