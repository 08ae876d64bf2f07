// The name by which one request is found again in logs, answers and errors.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/random.h"

namespace sluice::telemetry {

// What a caller may send in X-Request-Id: 1 to 64 of letters, digits and - _ . : / + = @ ~.
inline constexpr std::size_t kMaxRequestIdBytes = 64;

// A value without allocation; empty where none was given.
class RequestId {
 public:
  RequestId() = default;
  // 128 random bits as 32 lower-case hexadecimal digits.
  static RequestId make(Random& random);
  // The caller's where it is sane, else a new one: an id that broke the rules would break log
  // lines and headers.
  static RequestId accept(std::string_view header, Random& random);

  static bool sane(std::string_view text);

  [[nodiscard]] std::string_view view() const { return {chars_.data(), size_}; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  bool operator==(const RequestId& other) const { return view() == other.view(); }

 private:
  std::array<char, kMaxRequestIdBytes> chars_;  // only the first size_ are set
  std::uint8_t size_ = 0;
};

}  // namespace sluice::telemetry
