// To operate: metrics, reload, models, and the two questions an orchestrator asks.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "gateway/mount.h"
#include "http/router.h"

namespace sluice::admin {

struct AdminOptions {
  std::string key;  // asked for in X-API-Key; empty: nobody is. A key of scope admin does too
  using Done = std::function<void(Result<>)>;
  std::function<void(Done)> reload;  // any thread; says later, on some thread, what became of it
};

// GET /metrics, POST /admin/reload, GET /admin/models, GET /admin/slots, POST
// /admin/models/{model}/load and /unload. What is returned must live as long as the router.
Result<std::shared_ptr<const void>> add_admin(http::Router& router, const gateway::Mount& mount,
                                              AdminOptions options);

// GET /health/live and /health/ready: 200, or 503 while starting, draining, or when nothing can
// answer.
Result<> add_health(http::Router& router, const gateway::Gateway& gateway);

}  // namespace sluice::admin
