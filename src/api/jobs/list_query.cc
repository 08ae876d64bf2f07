#include "api/jobs/list_query.h"

#include <charconv>

#include "base/format.h"

namespace sluice::api::jobs {

Result<sluice::jobs::ListQuery> list_query(const http::Query& query) {
  if (auto ok = query.only({"status", "callable", "limit", "after"}); !ok) return fail(ok.error());
  sluice::jobs::ListQuery wanted;
  if (const auto status = query.find("status")) {
    wanted.state = sluice::jobs::parse_job_state(*status);
    if (!wanted.state) {
      return fail(
          invalid(formatted("status: expected pending, processing, completed, failed or "
                            "cancelled, got \"{}\"",
                            *status)));
    }
  }
  if (const auto limit = query.find("limit")) {
    const auto [end, error] =
        std::from_chars(limit->data(), limit->data() + limit->size(), wanted.limit);
    if (error != std::errc() || end != limit->data() + limit->size() || wanted.limit == 0 ||
        wanted.limit > sluice::jobs::kMaxPage) {
      return fail(invalid(formatted("limit: expected a number from 1 to {}, got \"{}\"",
                                    sluice::jobs::kMaxPage, *limit)));
    }
  }
  wanted.callable = query.find("callable").value_or("");
  wanted.after = query.find("after").value_or("");
  return wanted;
}

}  // namespace sluice::api::jobs
