#include "access/digest.h"

#include <openssl/evp.h>

#include <new>

namespace sluice::access {

namespace {
constexpr std::string_view kHex = "0123456789abcdef";
}  // namespace

Result<Digest> parse_digest(std::string_view hex) {
  Digest digest{};
  const auto wrong = [] { return fail(invalid("a SHA-256 as 64 lower-case hexadecimal digits")); };
  if (hex.size() != 2 * digest.size()) return wrong();
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const auto high = kHex.find(hex[2 * i]);
    const auto low = kHex.find(hex[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return wrong();
    digest[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return digest;
}

// Looking the algorithm up costs more than a digest, so it is done once.
struct KeyHasher::State {
  EVP_MD* algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() {
    EVP_MD_CTX_free(context);
    EVP_MD_free(algorithm);
  }
};

KeyHasher::KeyHasher() : state_(std::make_unique<State>()) {
  if (state_->algorithm == nullptr || state_->context == nullptr) throw std::bad_alloc();
}
KeyHasher::~KeyHasher() = default;

Digest KeyHasher::of(std::string_view bytes) {
  Digest digest{};
  if (EVP_DigestInit_ex2(state_->context, state_->algorithm, nullptr) != 1 ||
      EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) != 1 ||
      EVP_DigestFinal_ex(state_->context, digest.data(), nullptr) != 1) {
    throw std::bad_alloc();  // nothing else can go wrong with it
  }
  return digest;
}

}  // namespace sluice::access
