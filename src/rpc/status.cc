#include "rpc/status.h"

#include <grpcpp/support/status_code_enum.h>

#include <algorithm>
#include <array>
#include <string>

namespace sluice::rpc {

static_assert(kFailedPrecondition == grpc::FAILED_PRECONDITION);

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

std::string_view status_name(int code) {
  static constexpr std::array<std::string_view, 17> kNames{"OK",
                                                           "CANCELLED",
                                                           "UNKNOWN",
                                                           "INVALID_ARGUMENT",
                                                           "DEADLINE_EXCEEDED",
                                                           "NOT_FOUND",
                                                           "ALREADY_EXISTS",
                                                           "PERMISSION_DENIED",
                                                           "RESOURCE_EXHAUSTED",
                                                           "FAILED_PRECONDITION",
                                                           "ABORTED",
                                                           "OUT_OF_RANGE",
                                                           "UNIMPLEMENTED",
                                                           "INTERNAL",
                                                           "UNAVAILABLE",
                                                           "DATA_LOSS",
                                                           "UNAUTHENTICATED"};
  const auto index = static_cast<std::size_t>(code);
  return code >= 0 && index < kNames.size() ? kNames[index] : "UNKNOWN";
}

namespace {
ErrorCode code_of(int status, std::string_view message) {
  switch (status) {
    case grpc::CANCELLED:
      return ErrorCode::kCancelled;
    case grpc::INVALID_ARGUMENT:
    case grpc::FAILED_PRECONDITION:
    case grpc::OUT_OF_RANGE:
      return ErrorCode::kInvalid;
    case grpc::DEADLINE_EXCEEDED:
      return ErrorCode::kTimeout;
    case grpc::NOT_FOUND:
      return ErrorCode::kNotFound;
    case grpc::ALREADY_EXISTS:
    case grpc::ABORTED:
      return ErrorCode::kConflict;
    case grpc::PERMISSION_DENIED:
      return ErrorCode::kForbidden;
    case grpc::RESOURCE_EXHAUSTED:
      // gRPC's own words, on either side; there is no other sign of it.
      return message.contains("message larger than max") ? ErrorCode::kTooLarge
                                                         : ErrorCode::kExhausted;
    case grpc::UNAVAILABLE:
      return ErrorCode::kUnavailable;
    case grpc::UNAUTHENTICATED:
      return ErrorCode::kUnauthenticated;
    default:
      return ErrorCode::kInternal;
  }
}
}  // namespace

Error error_of(int code, std::string_view message) {
  std::size_t end = std::min(message.size(), kMaxStatusMessage);
  const auto within_character = [&](std::size_t at) {
    return at < message.size() && (static_cast<unsigned char>(message[at]) & 0xC0U) == 0x80U;
  };
  while (end > 0 && within_character(end)) --end;
  std::string_view kept = message.substr(0, end);
  if (kept.empty()) kept = status_name(code);
  return {code_of(code, message), std::string(kept)};
}

}  // namespace sluice::rpc
