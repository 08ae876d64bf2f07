// What is wrong with a request that was read.
#pragma once

#include <expected>
#include <string>

#include "base/error.h"

namespace sluice::api::generation {

// `param` is the member at fault: "messages[1].content"; empty where it is none alone.
struct Fault {
  Error error;
  std::string param;
};
template <class T>
using Read = std::expected<T, Fault>;

}  // namespace sluice::api::generation
