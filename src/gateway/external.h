// A callable that programs outside of Sluice are: they lease its jobs. Nothing here can run it.
#pragma once

#include <string>

#include "inference/callable.h"

namespace sluice::gateway {

// Stands in the registry, so that it can be named, listed and described. A call fails (kInvalid)
// with what to do instead.
class ExternalCallable final : public Callable {
 public:
  // `about`: what its input is, in the words of its owner; may be empty.
  ExternalCallable(std::string name, std::string about);
  [[nodiscard]] const Description& describe() const override { return description_; }
  [[nodiscard]] Placement placement(const Request&) const override {
    return {Placement::Where::kInline, {}};
  }
  CancelHandle start(const Call& call, RequestPtr request, Sink& sink) override;

 private:
  Description description_;
  Error error_;
};

}  // namespace sluice::gateway
