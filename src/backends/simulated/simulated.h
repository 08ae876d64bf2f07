// A language model without a model: for tests of what stands before one, and of its clients.
#pragma once

#include <memory>
#include <string>

#include "backends/simulated/options.h"
#include "inference/callable.h"

namespace sluice::simulated {

// Says back what it was told (see plan.h), token by token, by timers of the call's home. Any
// thread, as every callable. What it does for a call depends on nothing but the request and the
// options.
class Simulated final : public Callable {
 public:
  Simulated(std::string name, SimulatedOptions options);
  ~Simulated() override;

  [[nodiscard]] const Description& describe() const override { return description_; }
  [[nodiscard]] Placement placement(const Request& request) const override;
  CancelHandle start(const Call& call, RequestPtr request, Sink& sink) override;

 private:
  Description description_;
  SimulatedOptions options_;
};

}  // namespace sluice::simulated
