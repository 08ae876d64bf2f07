// How gRPC writes the address of a caller.
#pragma once

#include <string_view>

namespace sluice::rpc {

// Of "ipv4:192.0.2.1:50312", "ipv6:[2001:db8::1]:50312" (brackets as %5B and %5D in newer versions
// of the library) and "unix:/path" the IP address alone, or "unix"; else empty.
std::string_view address_of_peer(std::string_view peer);

}  // namespace sluice::rpc
