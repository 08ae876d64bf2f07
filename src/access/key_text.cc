#include "access/key_text.h"

#include <sys/random.h>

#include <cerrno>
#include <stdexcept>
#include <vector>

#include "access/digest.h"

namespace sluice::access {

namespace {

constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t kSecretLength = 32;
constexpr std::size_t kCheckLength = 4;

// One character of every byte: its lower five bits, of which all values are equally likely.
std::string letters_of(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += kAlphabet[byte & 31];
  return text;
}

std::string check_of(std::string_view text) {
  const Digest digest = sha256(text);
  return letters_of(std::span(digest).first(kCheckLength));
}

}  // namespace

SecretBytes kernel_secrets() {
  return [](std::span<std::uint8_t> bytes) {
    while (!bytes.empty()) {
      const ssize_t got = ::getrandom(bytes.data(), bytes.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) throw std::runtime_error("the kernel gives no random bytes");
      bytes = bytes.subspan(static_cast<std::size_t>(got));
    }
  };
}

KeyText make_key_text(const SecretBytes& secrets) {
  std::vector<std::uint8_t> bytes(kKeyIdLength + kSecretLength);
  secrets(bytes);
  KeyText key;
  key.id = letters_of(std::span(bytes).first(kKeyIdLength));
  key.text =
      std::string(kKeyPrefix) + key.id + '-' + letters_of(std::span(bytes).subspan(kKeyIdLength));
  key.text += check_of(key.text);
  return key;
}

bool is_key_text(std::string_view text) {
  constexpr std::size_t kLength =
      kKeyPrefix.size() + kKeyIdLength + 1 + kSecretLength + kCheckLength;
  if (text.size() != kLength || !text.starts_with(kKeyPrefix)) return false;
  const std::string_view rest = text.substr(kKeyPrefix.size());
  if (rest[kKeyIdLength] != '-') return false;
  const std::size_t checked = text.size() - kCheckLength;
  return rest.substr(kKeyIdLength + 1).find_first_not_of(kAlphabet) == std::string_view::npos &&
         rest.substr(0, kKeyIdLength).find_first_not_of(kAlphabet) == std::string_view::npos &&
         text.substr(checked) == check_of(text.substr(0, checked));
}

}  // namespace sluice::access
