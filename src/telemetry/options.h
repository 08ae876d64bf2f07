// What can be configured here: the section `telemetry` of the configuration.
#pragma once

#include "telemetry/log.h"

namespace sluice::telemetry {

struct TelemetryOptions {
  LogOptions log;
  bool server_timing = true;  // the Server-Timing header on answers
};

}  // namespace sluice::telemetry
