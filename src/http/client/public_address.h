// Which addresses belong to the public internet.
#pragma once

#include "http/client/address.h"

namespace sluice::http {

// False for what is of a machine, a link, a private network or of no one: RFC 6890 and the
// registries that follow from it; also where IPv6 only wraps such an address of IPv4 (mapped,
// NAT64, 6to4), and for Unix sockets. For requests to whereever a caller says: what is not public
// is the operator's own.
bool is_public(const Address& address);

}  // namespace sluice::http
