#include "http/test_certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace sluice::http {

namespace {
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Key make_key() {
  return {EVP_EC_gen("P-256"), &EVP_PKEY_free};
}

void extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) throw std::runtime_error("cannot make the extension " + value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// Signed by `issuer`, or by itself when there is none.
Certificate sign(EVP_PKEY* key, const std::string& name, X509* issuer, EVP_PKEY* issuer_key,
                 const std::string& subject_alternative) {
  Certificate made(X509_new(), &X509_free);
  X509* x = made.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), issuer == nullptr ? 1 : 2);
  X509_gmtime_adj(X509_getm_notBefore(x), -60L * 60);
  X509_gmtime_adj(X509_getm_notAfter(x), 24L * 60 * 60);
  X509_set_pubkey(x, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(x, X509_get_subject_name(issuer == nullptr ? x : issuer));
  X509* signer = issuer == nullptr ? x : issuer;
  if (subject_alternative.empty()) {
    extend(x, signer, NID_basic_constraints, "critical,CA:TRUE");
    extend(x, signer, NID_key_usage, "critical,keyCertSign,cRLSign");
  } else {
    extend(x, signer, NID_subject_alt_name, subject_alternative);
  }
  X509_sign(x, issuer_key == nullptr ? key : issuer_key, EVP_sha256());
  return made;
}

template <class Write>
void save(const std::string& path, Write write) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr || write(file) != 1) throw std::runtime_error("cannot write " + path);
  std::fclose(file);
}

void save(const std::string& path, X509* certificate) {
  save(path, [&](std::FILE* file) { return PEM_write_X509(file, certificate); });
}
void save(const std::string& path, EVP_PKEY* key) {
  save(path, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}
}  // namespace

TestCertificates::TestCertificates(const std::string& host) {
  std::string folder = (std::filesystem::temp_directory_path() / "sluice-tls-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("cannot make " + folder);
  folder_ = folder;

  const Key authority_key = make_key();
  const Key server_key = make_key();
  const Key other_key = make_key();
  const Certificate authority = sign(authority_key.get(), "Test authority", nullptr, nullptr, "");
  const Certificate server = sign(server_key.get(), "server", authority.get(), authority_key.get(),
                                  "DNS:" + host + ",IP:127.0.0.1");
  const Certificate other = sign(other_key.get(), "stranger", nullptr, nullptr, "DNS:" + host);
  save(path("ca.pem"), authority.get());
  save(path("server.pem"), server.get());
  save(path("server.key"), server_key.get());
  save(path("other.pem"), other.get());
  save(path("other.key"), other_key.get());
}

TestCertificates::~TestCertificates() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace sluice::http
