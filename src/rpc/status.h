// Errors as gRPC tells them.
#pragma once

#include <string_view>

#include "base/error.h"

namespace sluice::rpc {

// The number of the gRPC status code (google.rpc.Code) for an error. Too large is
// RESOURCE_EXHAUSTED, as gRPC itself answers messages over its bound; a conflict is ABORTED.
int status_code(ErrorCode code);

// Trailing metadata that tells a client after how many milliseconds to come back (gRFC A6).
inline constexpr std::string_view kRetryPushback = "grpc-retry-pushback-ms";

}  // namespace sluice::rpc
