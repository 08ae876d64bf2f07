// TLS over a non-blocking socket.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "http/tls_context.h"

struct ssl_st;

namespace sluice::http {

enum class IoStatus : std::uint8_t {
  kOk,
  kWantRead,   // go on when the descriptor is readable
  kWantWrite,  // go on when the descriptor is writable
  kClosed,     // the peer ended the stream in order
  kError,      // the stream is broken; error() says how
};

struct IoResult {
  IoStatus status = IoStatus::kOk;
  std::size_t bytes = 0;  // of kOk
};

// One TLS session over a descriptor that the caller owns, watches and closes. One thread at a time.
//
// Under edge-triggered readiness: handshake(), read() and write() may each want either direction,
// so after any event call again whatever last gave kWantRead or kWantWrite, and read until
// kWantRead. SIGPIPE is never raised. An end of the connection without TLS's own close is kError,
// since what came before it may have been cut short.
class TlsStream {
 public:
  // `server_name` is for a client: sent as SNI unless it is an address, and checked against the
  // certificate where the context verifies. A server leaves it empty.
  TlsStream(TlsContextPtr context, int fd, const std::string& server_name = {});
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // Until kOk. read() and write() come after.
  IoStatus handshake();
  IoResult read(std::span<char> into);
  // May take less than all (kOk with fewer bytes). After kWantRead or kWantWrite the next write
  // must begin with the same bytes and be no shorter; they may have moved in memory.
  IoResult write(std::string_view data);
  // Says goodbye if that is possible without waiting. The peer's own goodbye is not awaited.
  void shutdown();

  // Why the last kError was, for a person.
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] std::string_view version() const;  // "TLSv1.3"
  [[nodiscard]] std::string_view alpn() const;     // "http/1.1", or empty when none was agreed

 private:
  IoStatus status_of(int outcome, const char* doing);

  TlsContextPtr context_;
  ssl_st* ssl_;
  bool broken_ = false;
  std::string error_;
};

}  // namespace sluice::http
