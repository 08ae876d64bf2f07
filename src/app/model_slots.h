// Which slots a model of the configuration has.
#pragma once

#include <optional>
#include <string>

#include "app/options.h"
#include "inference/callable.h"
#include "scheduling/options.h"

namespace sluice::app {

// None where calls need not wait. `callable` is the model as it was made; null while it is not.
//
// Language models of this process have slots in any case, and best effort gives way by itself: as
// many as they can write answers side by side, or as an encoder puts into a batch.
std::optional<scheduling::SlotOptions> slots_of(const ModelOptions& model,
                                                const scheduling::ClassesOptions& classes,
                                                const Callable* callable);

}  // namespace sluice::app
