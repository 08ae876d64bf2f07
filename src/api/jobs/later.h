// Calls of any API as jobs: "Prefer: respond-async" (RFC 7240, section 4.1).
//
// A job in the format "http/1" is a request as its API got it and, once it is over, the answer as
// that API gave it, both as http::KeptMessage. GET /v1/jobs/{id}/result gives the answer as it was.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "http/later.h"
#include "http/router.h"
#include "jobs/desk.h"
#include "jobs/runner.h"

namespace sluice::api::jobs {

inline constexpr std::string_view kHttpFormat = "http/1";

// Answers 202 with the job, whose Location is below `prefix`. The caller needs the right to hand in
// jobs; Idempotency-Key counts as for POST /v1/jobs. `listener` says whose routes the request is
// for.
std::shared_ptr<http::Later> make_later(const sluice::jobs::Desk& desk, std::string prefix,
                                        std::string listener);

// The routes of one listener, for the thread that runs jobs.
struct LaterRoutes {
  std::string listener;
  http::Router router;
  std::shared_ptr<const void> keep_alive;  // what the handlers refer to
};
using LaterRoutesPtr = std::shared_ptr<const std::vector<LaterRoutes>>;

// Runs jobs of that format on their routes, and leaves others to `others`. On the loop's thread.
class LaterRunner : public sluice::jobs::Runner {
 public:
  // What it runs on from now on; what is under way finishes on what it has.
  virtual void set_routes(LaterRoutesPtr routes) = 0;
};
// An answer of more than `max_output_bytes` is not kept: the job fails.
std::unique_ptr<LaterRunner> make_later_runner(EventLoop& loop, sluice::jobs::Runner& others,
                                               std::size_t max_output_bytes);

}  // namespace sluice::api::jobs
