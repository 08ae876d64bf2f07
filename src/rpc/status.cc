#include "rpc/status.h"

#include <grpcpp/support/status_code_enum.h>

namespace sluice::rpc {

int status_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return grpc::INVALID_ARGUMENT;
    case ErrorCode::kUnauthenticated:
      return grpc::UNAUTHENTICATED;
    case ErrorCode::kForbidden:
      return grpc::PERMISSION_DENIED;
    case ErrorCode::kNotFound:
      return grpc::NOT_FOUND;
    case ErrorCode::kConflict:
      return grpc::ABORTED;
    case ErrorCode::kTooLarge:
    case ErrorCode::kExhausted:
      return grpc::RESOURCE_EXHAUSTED;
    case ErrorCode::kCancelled:
      return grpc::CANCELLED;
    case ErrorCode::kTimeout:
      return grpc::DEADLINE_EXCEEDED;
    case ErrorCode::kUnavailable:
      return grpc::UNAVAILABLE;
    case ErrorCode::kInternal:
      return grpc::INTERNAL;
  }
  return grpc::INTERNAL;
}

}  // namespace sluice::rpc
