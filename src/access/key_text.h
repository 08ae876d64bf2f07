// What a key looks like: sk-sluice-<id>-<secret><check>, as in
// sk-sluice-7k2m9qxd-0h5j..(32 characters)..w8ra.
//
// `id` is public: 8 characters that name the key in lists, logs and job records. `secret` is 160
// random bits. `check` are 4 characters that follow from the rest, so that a scanner of sources can
// tell a key from what merely looks like one. All are of Crockford's base 32 in lower case.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::access {

inline constexpr std::string_view kKeyPrefix = "sk-sluice-";
inline constexpr std::size_t kKeyIdLength = 8;
// Longer ones are not looked at.
inline constexpr std::size_t kMaxKeyBytes = 512;

// Fills with bytes that nobody can guess.
using SecretBytes = std::function<void(std::span<std::uint8_t>)>;
SecretBytes kernel_secrets();

struct KeyText {
  std::string id;
  std::string text;  // the whole; to be shown once, and kept nowhere
};
KeyText make_key_text(const SecretBytes& secrets);

// Whether it is one, checksum included. Keys that are configured by their digest may look
// otherwise.
bool is_key_text(std::string_view text);

}  // namespace sluice::access
