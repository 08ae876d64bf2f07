// Result<T>: a value, or the Error that a caller can expect instead.
#pragma once

#include <expected>
#include <utility>

#include "base/error.h"

namespace sluice {

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Error error) {
  return std::unexpected(std::move(error));
}
inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

}  // namespace sluice
