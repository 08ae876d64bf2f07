// What a callable behind a wire can be asked beside its work.
#pragma once

#include "inference/callable.h"

namespace sluice {

// A capability of some callables, found by find_capability(). Thread rules as for
// Callable::start().
class Probeable {
 public:
  // Is it up, by its own account? An empty InferResponse, or why not.
  virtual CancelHandle probe_health(const Call& call, Sink& sink) = 0;
  // Its answer to the test input that it keeps for itself.
  virtual CancelHandle run_self_test(const Call& call, Sink& sink) = 0;

 protected:
  ~Probeable() = default;
};

}  // namespace sluice
