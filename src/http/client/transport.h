// Bytes to and from a peer: a socket, with TLS over it or without.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "http/tls_stream.h"

namespace sluice::http {

// Owns the descriptor, which is non-blocking. One thread. See TlsStream for how the results are to
// be used with edge-triggered readiness.
class ClientTransport {
 public:
  // `tls` may be null: plain bytes. `server_name` is what the certificate must be for.
  ClientTransport(int fd, TlsContextPtr tls, const std::string& server_name);
  ~ClientTransport() { close(); }
  ClientTransport(const ClientTransport&) = delete;
  ClientTransport& operator=(const ClientTransport&) = delete;

  IoStatus handshake();  // kOk at once when there is no TLS
  IoResult read(std::span<char> into);
  // Both parts in order, or as much of them as fits. Same rule as TlsStream::write.
  IoResult write(std::string_view first, std::string_view second);
  // Asks the kernel whether the peer has closed, or sent what nobody asked for, while it was idle.
  [[nodiscard]] bool looks_alive() const;
  void close();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool is_tls() const { return tls_ != nullptr; }
  [[nodiscard]] const std::string& error() const { return tls_ ? tls_->error() : error_; }

 private:
  IoResult failed();

  int fd_;
  std::unique_ptr<TlsStream> tls_;
  std::string error_;
};

}  // namespace sluice::http
