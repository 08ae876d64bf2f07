// What can be configured here: the section `telemetry` of the configuration.
#pragma once

#include "config/describe.h"
#include "telemetry/log.h"

namespace sluice::telemetry {

struct TelemetryOptions {
  LogOptions log;
  bool server_timing = true;
};

void describe(config::Choices<LogLevel>& c);
void describe(config::Choices<LogFormat>& c);
void describe(config::Fields<LogOptions>& f);
void describe(config::Fields<TelemetryOptions>& f);

}  // namespace sluice::telemetry
