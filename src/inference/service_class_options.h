// Service classes as they are chosen in the configuration.
#pragma once

#include "config/describe.h"
#include "inference/callable.h"

namespace sluice {

void describe(config::Choices<ServiceClass>& c);

}  // namespace sluice
