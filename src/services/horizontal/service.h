// One specialised model behind the seed's interface: /health, /metadata, /predict, /predict/test.
#pragma once

#include <memory>

#include "gateway/mount.h"
#include "http/router.h"
#include "services/horizontal/options.h"

namespace sluice::horizontal {

// Adds the routes under the mount's prefix. What is returned must live as long as the router.
Result<std::shared_ptr<const void>> add_service(http::Router& router, const gateway::Mount& mount,
                                                const HorizontalOptions& options);

// The proxy over an ensemble: the same, and /health/all, /predict/label, /predict/get/test,
// /predict/post/test.
Result<std::shared_ptr<const void>> add_proxy(http::Router& router, const gateway::Mount& mount,
                                              const HorizontalOptions& options);

}  // namespace sluice::horizontal
