// What gRPC and what it stands on do for the whole process unless told otherwise.
#pragma once

namespace sluice::rpc {

// Once, before the first server and the first use of OpenSSL, by whoever owns the process.
//
// Both gRPC and protobuf write lines to stderr about anything a client does wrong, in a form of
// their own; what matters comes back as an Error or a status all the same. And Debian builds Abseil
// with its search for deadlocks on, which keeps a graph of every mutex that gRPC takes.
// OpenSSL would clean up by itself at exit, while threads of gRPC that still connect are in it.
void set_up_library();

}  // namespace sluice::rpc
