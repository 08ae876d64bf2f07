// What stands for a text without giving it away.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sluice {

using Sha256 = std::array<std::uint8_t, 32>;

// Of all the bytes (FIPS 180-4).
Sha256 sha256(std::string_view bytes);
// The same, of bytes that come one after the other.
class Sha256Sum {
 public:
  Sha256Sum();
  ~Sha256Sum();
  Sha256Sum(const Sha256Sum&) = delete;
  Sha256Sum& operator=(const Sha256Sum&) = delete;

  void add(std::string_view bytes);
  Sha256 finish();  // nothing is added after

 private:
  struct State;
  std::unique_ptr<State> state_;
};
// With a key, so that only who has it can make it (RFC 2104, RFC 4231).
Sha256 hmac_sha256(std::string_view key, std::string_view bytes);
// In lower-case hexadecimal.
std::string hex(const Sha256& digest);

}  // namespace sluice
