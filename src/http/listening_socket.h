// Sockets to listen with, and whether an address is free.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "base/result.h"
#include "http/address.h"

namespace sluice::http {

// kUnavailable, with what errno says and what may be done.
Error cannot_listen(const ListenAddress& address, int error);

// Bound; the caller listens with it and closes it. Others may bind the same port if all share it.
Result<int> open_socket(const ListenAddress& address, bool share_port);
// Removes a socket file that nobody listens on: it is left over from a run that was killed.
void remove_stale_socket(const ListenAddress& address);

// The port of an IP address that nobody listens on, not even one who shares it: a socket that
// shares would not tell. One that the kernel chose where `address` has none.
Result<std::uint16_t> free_port(const ListenAddress& address);
// The same for any address: fails when somebody has it. A stale socket file goes.
Result<> check_free(const ListenAddress& address);

}  // namespace sluice::http
