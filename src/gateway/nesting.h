// How ensembles stand on one another, looked at before any is made.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "gateway/gateway.h"

namespace sluice::gateway {

// An ensemble that cannot be, with the member through which.
struct NestingFault {
  std::string ensemble;
  std::string member;
  std::string message;

  bool operator==(const NestingFault&) const = default;
};

// An ensemble that contains itself, for each member that closes a circle; and where a tower of
// ensembles becomes higher than a call may go (kMaxCallDepth). Targets that are not known count as
// models. In the order in which a walk from the first ensemble meets them.
std::vector<NestingFault> nesting_faults(const std::vector<EnsembleSpec>& ensembles);

}  // namespace sluice::gateway
