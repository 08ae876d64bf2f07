// SHA-256 (FIPS 180-4), by which keys are known.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::access {

using Digest = std::array<std::uint8_t, 32>;

// Any part of a digest is as good a hash as another.
struct DigestHash {
  std::size_t operator()(const Digest& digest) const {
    std::size_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof hash);
    return hash;
  }
};

std::string to_hex(const Digest& digest);  // 64 lower-case digits
Result<Digest> parse_digest(std::string_view hex);

// Keeps what the library needs from one digest to the next. One thread at a time.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  Digest of(std::string_view bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::access
