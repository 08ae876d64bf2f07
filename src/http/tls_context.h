// TLS settings and keys, loaded and checked once, shared by many connections (OpenSSL inside).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

struct ssl_ctx_st;
struct bio_method_st;

namespace sluice::http {

struct TlsServerOptions {
  std::string certificate_file;  // PEM: the server's own first, then the chain
  std::string key_file;          // PEM; may be the same file
  std::string client_ca_file;    // PEM; when set, clients must show a certificate of this authority
};

struct TlsClientOptions {
  std::string ca_file;           // PEM; empty: the machine's own store
  bool verify = true;            // false takes any certificate: for tests only
  std::string certificate_file;  // PEM; empty: the client shows none
  std::string key_file;
  bool alpn = true;  // offers "http/1.1"; false for another protocol than HTTP
};

// A file that cannot be used, and why.
struct TlsFault {
  enum class File : std::uint8_t { kCertificate, kKey, kAuthority };
  File file;
  Error error;
};

class TlsContext;
using TlsContextPtr = std::shared_ptr<const TlsContext>;

// TLS 1.2 or later, ALPN "http/1.1" unless told otherwise. Immutable once made, so any thread may
// use it; every stream keeps a share. To reload certificates make a new one and give it to the
// connections that come.
class TlsContext {
 public:
  // kInvalid with the file and the reason when something cannot be loaded or does not fit together.
  static Result<TlsContextPtr> server(const TlsServerOptions& options);
  static Result<TlsContextPtr> client(const TlsClientOptions& options);
  // Everything for which the above would fail, not only the first.
  static std::vector<TlsFault> faults(const TlsServerOptions& options);
  static std::vector<TlsFault> faults(const TlsClientOptions& options);

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  [[nodiscard]] bool is_server() const { return server_; }
  [[nodiscard]] bool verifies() const { return verify_; }

 private:
  friend class TlsStream;
  TlsContext(bool server, bool verify);
  std::vector<TlsFault> load(const TlsServerOptions& options);
  std::vector<TlsFault> load(const TlsClientOptions& options);

  ssl_ctx_st* context_;
  bio_method_st* socket_method_;
  bool server_;
  bool verify_;
};

}  // namespace sluice::http
