#include "http/tls_context.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <new>
#include <string_view>
#include <utility>

#include "base/format.h"

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
    const auto part = last == std::string_view::npos ? whole : whole.substr(last + 1);
    // What follows the reason often says only who passed it on: "system lib".
    if (!text.empty() && part.ends_with(" lib")) continue;
    if (!text.empty()) text += "; ";
    text += part;
  }
  return text.empty() ? "unknown reason" : text;
}

Error cannot(std::string_view what, const std::string& file) {
  return invalid(formatted("cannot load the {} from {}: {}", what, file, reason()));
}

std::vector<TlsFault> load_pair(SSL_CTX* context, const std::string& certificate,
                                const std::string& key) {
  std::vector<TlsFault> faults;
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    faults.push_back({TlsFault::File::kCertificate, cannot("TLS certificate", certificate)});
  }
  // One file for both is at fault once.
  if (!faults.empty() && key == certificate) return faults;
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    faults.push_back({TlsFault::File::kKey, cannot("TLS key", key)});
  }
  if (faults.empty() && SSL_CTX_check_private_key(context) != 1) {
    faults.push_back(
        {TlsFault::File::kKey, invalid(formatted("the TLS key {} does not belong to the "
                                                 "certificate {}",
                                                 key, certificate))});
  }
  return faults;
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

std::vector<TlsFault> TlsContext::load(const TlsServerOptions& options) {
  ERR_clear_error();
  auto faults = load_pair(context_, options.certificate_file, options.key_file);
  SSL_CTX_set_alpn_select_cb(context_, choose_protocol, nullptr);
  constexpr std::string_view kSessions = "sluice";
  SSL_CTX_set_session_id_context(context_, reinterpret_cast<const unsigned char*>(kSessions.data()),
                                 kSessions.size());
  if (!verify_) return faults;
  const std::string& file = options.client_ca_file;
  if (SSL_CTX_load_verify_locations(context_, file.c_str(), nullptr) != 1) {
    faults.push_back({TlsFault::File::kAuthority, cannot("authority of TLS clients", file)});
    return faults;
  }
  SSL_CTX_set_client_CA_list(context_, SSL_load_client_CA_file(file.c_str()));
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return faults;
}

std::vector<TlsFault> TlsContext::load(const TlsClientOptions& options) {
  ERR_clear_error();
  std::vector<TlsFault> faults;
  if (options.alpn) {
    SSL_CTX_set_alpn_protos(context_, reinterpret_cast<const unsigned char*>(kHttp11.data()),
                            static_cast<unsigned int>(kHttp11.size()));
  }
  if (verify_) {
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    if (options.ca_file.empty()) {
      SSL_CTX_set_default_verify_paths(context_);
    } else if (SSL_CTX_load_verify_locations(context_, options.ca_file.c_str(), nullptr) != 1) {
      faults.push_back({TlsFault::File::kAuthority, cannot("TLS authority", options.ca_file)});
    }
  }
  if (options.certificate_file.empty()) return faults;
  const std::string& key = options.key_file.empty() ? options.certificate_file : options.key_file;
  for (TlsFault& fault : load_pair(context_, options.certificate_file, key)) {
    faults.push_back(std::move(fault));
  }
  return faults;
}

Result<TlsContextPtr> TlsContext::server(const TlsServerOptions& options) {
  std::shared_ptr<TlsContext> made(new TlsContext(true, !options.client_ca_file.empty()));
  if (auto faults = made->load(options); !faults.empty()) return fail(std::move(faults[0].error));
  return made;
}

Result<TlsContextPtr> TlsContext::client(const TlsClientOptions& options) {
  std::shared_ptr<TlsContext> made(new TlsContext(false, options.verify));
  if (auto faults = made->load(options); !faults.empty()) return fail(std::move(faults[0].error));
  return made;
}

std::vector<TlsFault> TlsContext::faults(const TlsServerOptions& options) {
  return TlsContext(true, !options.client_ca_file.empty()).load(options);
}

std::vector<TlsFault> TlsContext::faults(const TlsClientOptions& options) {
  return TlsContext(false, options.verify).load(options);
}

}  // namespace sluice::http
