#include "base/digest.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <stdexcept>

namespace sluice {

Sha256 sha256(std::string_view bytes) {
  Sha256 digest;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return digest;
}

struct Sha256Sum::State {
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};
  // What fails here has no memory, or no SHA-256.
  static void check(int result) {
    if (result != 1) throw std::runtime_error("SHA-256 cannot be computed");
  }
};

Sha256Sum::Sha256Sum() : state_(std::make_unique<State>()) {
  State::check(EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr));
}
Sha256Sum::~Sha256Sum() = default;
void Sha256Sum::add(std::string_view bytes) {
  State::check(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()));
}
Sha256 Sha256Sum::finish() {
  Sha256 digest;
  State::check(EVP_DigestFinal_ex(state_->context.get(), digest.data(), nullptr));
  return digest;
}

Sha256 hmac_sha256(std::string_view key, std::string_view bytes) {
  constexpr std::size_t kBlock = 64;
  std::string padded(key);
  if (key.size() > kBlock) {
    const Sha256 short_key = sha256(key);
    padded.assign(short_key.begin(), short_key.end());
  }
  padded.resize(kBlock, '\0');
  std::string inner;
  std::string outer;
  for (const char c : padded) {
    inner += static_cast<char>(c ^ 0x36);
    outer += static_cast<char>(c ^ 0x5C);
  }
  inner += bytes;
  const Sha256 digest = sha256(inner);
  outer.append(digest.begin(), digest.end());
  return sha256(outer);
}

std::string hex(const Sha256& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * digest.size());
  for (const std::uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace sluice
