// SHA-256, by which keys are known.
#pragma once

#include <cstring>
#include <memory>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"

namespace sluice::access {

using Digest = Sha256;

// Any part of a digest is as good a hash as another.
struct DigestHash {
  std::size_t operator()(const Digest& digest) const {
    std::size_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof hash);
    return hash;
  }
};

// Of 64 lower-case hexadecimal digits.
Result<Digest> parse_digest(std::string_view hex);

// sha256() for who asks for it with every request: keeps what the library needs from one to the
// next. One thread at a time.
class KeyHasher {
 public:
  KeyHasher();
  ~KeyHasher();
  KeyHasher(const KeyHasher&) = delete;
  KeyHasher& operator=(const KeyHasher&) = delete;
  Digest of(std::string_view bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::access
