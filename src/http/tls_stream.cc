#include "http/tls_stream.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>

#include "base/format.h"

namespace sluice::http {

namespace {
bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> ignored;
  return ::inet_pton(AF_INET, host.c_str(), ignored.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), ignored.data()) == 1;
}

void expect_peer(SSL* ssl, const std::string& host, bool verify) {
  if (is_address(host)) {
    if (verify) X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
    return;
  }
  SSL_set_tlsext_host_name(ssl, host.c_str());
  if (verify) {
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(ssl, host.c_str());
  }
}
}  // namespace

TlsStream::TlsStream(TlsContextPtr context, int fd, const std::string& server_name)
    : context_(std::move(context)), ssl_(SSL_new(context_->context_)) {
  BIO* bio = BIO_new(context_->socket_method_);
  if (ssl_ == nullptr || bio == nullptr) {
    SSL_free(ssl_);
    BIO_free(bio);
    throw std::bad_alloc();
  }
  // The descriptor itself, in place of a pointer to it. NOLINTNEXTLINE(performance-no-int-to-ptr)
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  if (context_->is_server()) {
    SSL_set_accept_state(ssl_);
  } else {
    SSL_set_connect_state(ssl_);
    if (!server_name.empty()) expect_peer(ssl_, server_name, context_->verifies());
  }
}

TlsStream::~TlsStream() {
  SSL_free(ssl_);
}

IoStatus TlsStream::status_of(int outcome, const char* doing) {
  const int system = errno;
  switch (SSL_get_error(ssl_, outcome)) {
    case SSL_ERROR_WANT_READ:
      return IoStatus::kWantRead;
    case SSL_ERROR_WANT_WRITE:
      return IoStatus::kWantWrite;
    case SSL_ERROR_ZERO_RETURN:
      return IoStatus::kClosed;
    default:
      break;
  }
  broken_ = true;
  const unsigned long code = ERR_get_error();
  if (const long verdict = SSL_get_verify_result(ssl_);
      !context_->is_server() && context_->verifies() && verdict != X509_V_OK) {
    error_ = formatted("TLS {}: the certificate is not trusted: {}", doing,
                       X509_verify_cert_error_string(verdict));
  } else if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    error_ = formatted("TLS {}: the peer closed the connection", doing);
  } else if (const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr) {
    error_ = formatted("TLS {}: {}", doing, reason);
  } else {
    error_ = formatted("TLS {}: {}", doing, std::strerror(system));
  }
  ERR_clear_error();
  return IoStatus::kError;
}

IoStatus TlsStream::handshake() {
  ERR_clear_error();
  const int outcome = SSL_do_handshake(ssl_);
  return outcome == 1 ? IoStatus::kOk : status_of(outcome, "handshake");
}

IoResult TlsStream::read(std::span<char> into) {
  ERR_clear_error();
  std::size_t got = 0;
  const int outcome = SSL_read_ex(ssl_, into.data(), into.size(), &got);
  if (outcome == 1) return {IoStatus::kOk, got};
  return {status_of(outcome, "read")};
}

IoResult TlsStream::write(std::string_view data) {
  if (data.empty()) return {};
  ERR_clear_error();
  std::size_t sent = 0;
  const int outcome = SSL_write_ex(ssl_, data.data(), data.size(), &sent);
  if (outcome == 1) return {IoStatus::kOk, sent};
  return {status_of(outcome, "write")};
}

void TlsStream::shutdown() {
  if (broken_ || SSL_is_init_finished(ssl_) == 0) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

std::string_view TlsStream::version() const {
  return SSL_get_version(ssl_);
}

std::string_view TlsStream::alpn() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

}  // namespace sluice::http
