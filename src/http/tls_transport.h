// The server's end of a TLS connection, as a Transport.
#pragma once

#include <memory>

#include "http/tls_context.h"
#include "http/transport.h"

namespace sluice::http {

// Takes the descriptor; the handshake happens within the first reads and writes.
std::unique_ptr<Transport> make_tls_transport(int fd, TlsContextPtr context);

}  // namespace sluice::http
