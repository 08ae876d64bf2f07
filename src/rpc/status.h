// Errors as gRPC tells them, both ways.
#pragma once

#include <string_view>

#include "base/error.h"

namespace sluice::rpc {

// The number of the gRPC status code (google.rpc.Code) for an error. Too large is
// RESOURCE_EXHAUSTED, as gRPC itself answers messages over its bound; a conflict is ABORTED.
int status_code(ErrorCode code);
// What the public definition calls such a number: "NOT_FOUND"; "UNKNOWN" for one it does not have.
std::string_view status_name(int code);

// A status without an error of ours: what is asked is right, but not in the state that it needs.
// Protocols that use it name it where they answer.
inline constexpr int kFailedPrecondition = 9;

// The error for a status that a server answered, or that gRPC gave in its place; never for OK.
// What blames the request (INVALID_ARGUMENT, FAILED_PRECONDITION, OUT_OF_RANGE) is kInvalid; only
// UNAVAILABLE is kUnavailable; a message over a bound is kTooLarge, any other RESOURCE_EXHAUSTED
// kExhausted; what has no word here (UNKNOWN, UNIMPLEMENTED, DATA_LOSS) is kInternal. The message
// is kept as far as kMaxStatusMessage goes.
Error error_of(int code, std::string_view message);
inline constexpr std::size_t kMaxStatusMessage = 500;  // bytes

// Trailing metadata that tells a client after how many milliseconds to come back (gRFC A6).
inline constexpr std::string_view kRetryPushback = "grpc-retry-pushback-ms";

}  // namespace sluice::rpc
