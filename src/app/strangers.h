// Who may call without being known.
#pragma once

#include "access/keyring.h"
#include "app/options.h"
#include "telemetry/log.h"

namespace sluice::app {

// At start and after a reload: warns of listeners beyond loopback on which nobody is asked for a
// key, unless access.required says that this is meant; and of keys that are asked for while there
// are none.
void warn_of_strangers(const Options& options, const access::Keys& keys, telemetry::Log& log);

}  // namespace sluice::app
