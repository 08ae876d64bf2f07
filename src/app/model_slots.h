// Which slots a model of the configuration has.
#pragma once

#include <optional>
#include <string>

#include "app/options.h"
#include "config/problems.h"
#include "inference/callable.h"
#include "scheduling/options.h"

namespace sluice::app {

// Of engines of language models behind a wire; null for other backends.
const generation_wire::WireOptions* wire_options(const ModelOptions& model);

// None where calls need not wait. `callable` is the model as it was made; null while it is not.
//
// Language models have slots in any case: those of this process as many as they can write answers
// side by side, or as an encoder puts into a batch, and best effort gives way by itself; those
// behind a wire as many as their engines.
std::optional<scheduling::SlotOptions> slots_of(const ModelOptions& model,
                                                const scheduling::ClassesOptions& classes,
                                                const Callable* callable);

// Of its engine's time, as it is configured, whoever is to give it.
double best_effort_share_of(const ModelOptions& model, const scheduling::ClassesOptions& classes);

// Slots that the model, as it was made, has no places for.
void check_slots(const ModelOptions& model, const Callable* callable, config::Problems& problems);

}  // namespace sluice::app
