#include "http/tls_context.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <format>
#include <new>
#include <string_view>

namespace sluice::http {

namespace {
// As ALPN lists are written: each name after its length.
constexpr std::string_view kHttp11 = "\x08http/1.1";

// OpenSSL's own socket BIO uses write(2), which raises SIGPIPE on a connection that is gone.
int socket_write(BIO* bio, const char* data, std::size_t size, std::size_t* written) {
  BIO_clear_retry_flags(bio);
  const int fd = static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
  const auto n = ::send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) BIO_set_retry_write(bio);
    return 0;
  }
  *written = static_cast<std::size_t>(n);
  return 1;
}

int socket_read(BIO* bio, char* data, std::size_t size, std::size_t* got) {
  BIO_clear_retry_flags(bio);
  const int fd = static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
  const auto n = ::recv(fd, data, size, MSG_DONTWAIT);
  if (n < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) BIO_set_retry_read(bio);
    return 0;
  }
  *got = static_cast<std::size_t>(n);
  if (n == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return n > 0 ? 1 : 0;
}

long socket_control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DUP:
      return 1;
    case BIO_CTRL_EOF:
      return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    default:
      return 0;
  }
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  const auto* ours = reinterpret_cast<const unsigned char*>(kHttp11.data());
  unsigned char* picked = nullptr;
  if (SSL_select_next_proto(&picked, size, ours, static_cast<unsigned int>(kHttp11.size()), offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;  // RFC 7301 3.2: no_application_protocol
  }
  *chosen = picked;
  return SSL_TLSEXT_ERR_OK;
}

// A key under a passphrase must fail at once instead of asking on the terminal.
int no_passphrase(char*, int, int, void*) {
  return 0;
}

std::string reason() {
  std::string text;
  while (const unsigned long code = ERR_get_error()) {
    std::array<char, 256> buffer;
    ERR_error_string_n(code, buffer.data(), buffer.size());
    // "error:0A000086:SSL routines::certificate verify failed": the last part is for people.
    const std::string_view whole = buffer.data();
    const auto last = whole.rfind(':');
    if (!text.empty()) text += "; ";
    text += last == std::string_view::npos ? whole : whole.substr(last + 1);
  }
  return text.empty() ? "unknown reason" : text;
}

Error cannot(std::string_view what, const std::string& file) {
  return invalid(std::format("cannot load the {} from {}: {}", what, file, reason()));
}

Result<> load_pair(SSL_CTX* context, const std::string& certificate, const std::string& key) {
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    return fail(cannot("TLS certificate", certificate));
  }
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return fail(cannot("TLS key", key));
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return fail(invalid(
        std::format("the TLS key {} does not belong to the certificate {}", key, certificate)));
  }
  return {};
}
}  // namespace

TlsContext::TlsContext(bool server, bool verify)
    : context_(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method())),
      socket_method_(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sluice socket")),
      server_(server),
      verify_(verify) {
  if (context_ == nullptr || socket_method_ == nullptr) {
    SSL_CTX_free(context_);
    BIO_meth_free(socket_method_);
    throw std::bad_alloc();
  }
  BIO_meth_set_write_ex(socket_method_, socket_write);
  BIO_meth_set_read_ex(socket_method_, socket_read);
  BIO_meth_set_ctrl(socket_method_, socket_control);

  SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
  SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(context_, no_passphrase);
}

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
  BIO_meth_free(socket_method_);
}

Result<TlsContextPtr> TlsContext::server(const TlsServerOptions& options) {
  ERR_clear_error();
  std::shared_ptr<TlsContext> made(new TlsContext(true, !options.client_ca_file.empty()));
  SSL_CTX* context = made->context_;
  if (auto loaded = load_pair(context, options.certificate_file, options.key_file); !loaded) {
    return fail(loaded.error());
  }
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  constexpr std::string_view kSessions = "sluice";
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(kSessions.data()),
                                 kSessions.size());
  if (made->verify_) {
    const std::string& file = options.client_ca_file;
    if (SSL_CTX_load_verify_locations(context, file.c_str(), nullptr) != 1) {
      return fail(cannot("authority of TLS clients", file));
    }
    SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(file.c_str()));
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return made;
}

Result<TlsContextPtr> TlsContext::client(const TlsClientOptions& options) {
  ERR_clear_error();
  std::shared_ptr<TlsContext> made(new TlsContext(false, options.verify));
  SSL_CTX* context = made->context_;
  SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(kHttp11.data()),
                          static_cast<unsigned int>(kHttp11.size()));
  if (options.verify) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (options.ca_file.empty()) {
      SSL_CTX_set_default_verify_paths(context);
    } else if (SSL_CTX_load_verify_locations(context, options.ca_file.c_str(), nullptr) != 1) {
      return fail(cannot("TLS authority", options.ca_file));
    }
  }
  if (!options.certificate_file.empty()) {
    const std::string& key = options.key_file.empty() ? options.certificate_file : options.key_file;
    if (auto loaded = load_pair(context, options.certificate_file, key); !loaded) {
      return fail(loaded.error());
    }
  }
  return made;
}

}  // namespace sluice::http
