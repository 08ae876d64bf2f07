// The two function types of the house.
#pragma once

#include <functional>

namespace sluice {

// A piece of work that runs once.
using Task = std::move_only_function<void()>;

}  // namespace sluice
