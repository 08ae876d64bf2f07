#include "base/uuid.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace sluice {

void SystemRandom::fill(std::span<std::uint8_t> bytes) {
  while (!bytes.empty()) {
    if (used_ == pool_.size()) {
      std::size_t got = 0;
      while (got < pool_.size()) {
        const ssize_t n = ::getrandom(pool_.data() + got, pool_.size() - got, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw std::system_error(errno, std::generic_category(), "getrandom");
        got += static_cast<std::size_t>(n);
      }
      used_ = 0;
    }
    const std::size_t n = std::min(bytes.size(), pool_.size() - used_);
    const auto from = pool_.begin() + static_cast<std::ptrdiff_t>(used_);
    std::copy_n(from, n, bytes.begin());
    std::fill_n(from, n, std::uint8_t{0});  // what was given out is kept nowhere else
    used_ += n;
    bytes = bytes.subspan(n);
  }
}

std::string to_string(const Uuid& uuid) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[uuid.bytes[i] >> 4];
    text += kDigits[uuid.bytes[i] & 15];
  }
  return text;
}

std::optional<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Uuid uuid;
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (c != '-') return std::nullopt;
      continue;
    }
    int digit = 0;
    if (c >= '0' && c <= '9') {
      digit = c - '0';
    } else if (c >= 'a' && c <= 'f') {
      digit = c - 'a' + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = c - 'A' + 10;
    } else {
      return std::nullopt;
    }
    auto& byte = uuid.bytes[nibble / 2];
    byte = static_cast<std::uint8_t>((byte << 4) | digit);
    ++nibble;
  }
  return uuid;
}

Uuid UuidSource::next() {
  const auto wall = clock_.wall().time_since_epoch();
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(wall);
  const auto below = static_cast<std::uint64_t>((wall - ms).count());  // nanoseconds
  const std::uint64_t now =
      (static_cast<std::uint64_t>(ms.count()) << 12) | ((below << 12) / 1'000'000U);
  last_ = std::max(now, last_ + 1);

  Uuid uuid;
  random_.fill(std::span(uuid.bytes).subspan(8));
  const std::uint64_t time = last_ >> 12;
  for (std::size_t i = 0; i < 6; ++i) {
    uuid.bytes[i] = static_cast<std::uint8_t>(time >> (8 * (5 - i)));
  }
  uuid.bytes[6] = static_cast<std::uint8_t>(0x70 | ((last_ >> 8) & 0x0F));
  uuid.bytes[7] = static_cast<std::uint8_t>(last_ & 0xFF);
  uuid.bytes[8] = static_cast<std::uint8_t>(0x80 | (uuid.bytes[8] & 0x3F));
  return uuid;
}

}  // namespace sluice
