// What gRPC and protobuf themselves print.
#pragma once

namespace sluice::rpc {

// Both write lines to stderr about anything a client does wrong, in a form of their own. Whoever
// keeps a structured log calls this once, before the first server: what matters comes back as an
// Error or a status all the same. For the whole process, since the libraries have only one log.
void silence_library_logs();

}  // namespace sluice::rpc
