// Points in time as gRPC has them. Internal to rpc/: includes gRPC.
#pragma once

#include <grpc/support/time.h>

#include "base/time.h"

namespace sluice::rpc {

// gRPC's monotonic clock is the steady one.
inline gpr_timespec to_timespec(TimePoint at) {
  const auto since = at.time_since_epoch();
  const auto whole = std::chrono::floor<std::chrono::seconds>(since);
  return {whole.count(), static_cast<std::int32_t>((since - whole).count()), GPR_CLOCK_MONOTONIC};
}

}  // namespace sluice::rpc
