// Names that are unique, in order of time, and cannot be guessed: UUIDv7 (RFC 9562, section 5.7).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/time.h"

namespace sluice {

// Where bytes come from that nobody can foretell. Passed in, so that a simulation can repeat a run.
class RandomBytes {
 public:
  virtual ~RandomBytes() = default;
  virtual void fill(std::span<std::uint8_t> bytes) = 0;
};

// The kernel's (getrandom(2)), asked for many at a time. One owner, one thread.
class SystemRandom final : public RandomBytes {
 public:
  // Throws std::system_error when the kernel gives none.
  void fill(std::span<std::uint8_t> bytes) override;

 private:
  std::array<std::uint8_t, 1024> pool_{};
  std::size_t used_ = sizeof(pool_);
};

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Uuid&) const = default;
};

// "01890a5d-ac96-774b-bcce-b302099a8057"
std::string to_string(const Uuid& uuid);
// Only that form, in either case.
std::optional<Uuid> parse_uuid(std::string_view text);

// Makes them: 48 bits of milliseconds, 12 bits of the fraction below (method 3 of RFC 9562, section
// 6.2), 62 random bits. What one source makes is in ascending order, also when the clock steps
// back. One owner, one thread.
class UuidSource {
 public:
  UuidSource(const Clock& clock, RandomBytes& random) : clock_(clock), random_(random) {}
  Uuid next();

 private:
  const Clock& clock_;
  RandomBytes& random_;
  std::uint64_t last_ = 0;  // milliseconds and fraction, as 60 bits
};

}  // namespace sluice
