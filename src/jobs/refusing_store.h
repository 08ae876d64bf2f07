// Stands where a store could not be had: says so to all who ask.
#pragma once

#include <memory>

#include "jobs/store.h"

namespace sluice::jobs {

// Every question is answered with `why`. So the rest of the process serves on.
std::unique_ptr<Store> make_refusing_store(Error why);

}  // namespace sluice::jobs
