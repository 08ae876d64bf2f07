// Copies of all jobs: out of the embedded store, and into it, while it is in use.
//
//   POST /admin/jobs/backup    answers with the copy, a database file
//   POST /admin/jobs/restore   takes one as its body: from then on the store holds that
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "http/router.h"
#include "jobs/desk.h"

namespace sluice::admin {

// Puts the routes on a router, for one io thread. What is returned must live as long as the router.
Result<std::shared_ptr<const void>> add_backups(http::Router& router, const std::string& prefix,
                                                std::string key, const jobs::Desk& desk);

}  // namespace sluice::admin
