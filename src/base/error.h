// The one vocabulary of failures. Every layer speaks it; each protocol maps it once, at its edge.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

enum class ErrorCode : std::uint8_t {
  kInvalid,          // the request can never succeed as it is
  kUnauthenticated,  // who is calling is not known
  kForbidden,        // who is calling is known, and may not
  kNotFound,
  kConflict,
  kTooLarge,   // over a bound on size
  kExhausted,  // over a bound on rate, queue or slots: later it may succeed
  kCancelled,  // the caller went away or said stop
  kTimeout,    // the deadline passed
  kUnavailable,
  kInternal,
};

inline constexpr std::size_t kErrorCodeCount = 11;

// The stable, lower-case name, as it stands in answers, logs and metrics.
std::string_view to_string(ErrorCode code);

// What programs tell apart within a code, where an API has a finer word for it.
enum class ErrorDetail : std::uint8_t {
  kNone,
  kContextLength,  // a prompt and its answer are longer than the context of the model
  kNotAway,        // kUnavailable, though all that was asked is there: it failed or was too slow
};

// Why something did not happen. `message` is for a person: what was wrong, where, and what would be
// right.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::optional<std::chrono::milliseconds> retry_after{};
  ErrorDetail detail = ErrorDetail::kNone;

  bool operator==(const Error&) const = default;
};

inline Error invalid(std::string message) {
  return {ErrorCode::kInvalid, std::move(message)};
}
inline Error too_long_for_context(std::string message) {
  return {ErrorCode::kInvalid, std::move(message), {}, ErrorDetail::kContextLength};
}
inline Error not_found(std::string message) {
  return {ErrorCode::kNotFound, std::move(message)};
}
inline Error internal(std::string message) {
  return {ErrorCode::kInternal, std::move(message)};
}
inline Error timed_out(std::string message) {
  return {ErrorCode::kTimeout, std::move(message)};
}
inline Error unavailable(std::string message) {
  return {ErrorCode::kUnavailable, std::move(message)};
}
inline Error cancelled(std::string message) {
  return {ErrorCode::kCancelled, std::move(message)};
}

}  // namespace sluice
