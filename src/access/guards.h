// Admission as the servers of HTTP and gRPC ask for it.
#pragma once

#include <memory>

#include "access/admission.h"
#include "http/guard.h"
#include "rpc/guard.h"

namespace sluice::access {

// For one mount on one thread. The keyring outlives them. Where the mount limits addresses somebody
// is always asked, else only while the keyring is active().
std::shared_ptr<http::Guard> make_http_guard(const Keyring& ring, Admission::Rules rules,
                                             const Clock& clock,
                                             const telemetry::Instruments& instruments);
std::shared_ptr<rpc::Guard> make_rpc_guard(const Keyring& ring, Admission::Rules rules,
                                           const Clock& clock,
                                           const telemetry::Instruments& instruments);

}  // namespace sluice::access
