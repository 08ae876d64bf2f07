#include "api/jobs/result.h"

#include <charconv>

#include "api/jobs/job_json.h"
#include "api/jobs/later.h"
#include "base/format.h"
#include "http/kept_message.h"

namespace sluice::api::jobs {

namespace {

constexpr std::string_view kJson = "application/json";

void respond_kept(http::Exchange& exchange, std::string_view output) {
  const auto answer = http::KeptMessage::read(output);
  if (!answer) return http::respond_problem(exchange, internal("the kept answer cannot be read"));
  const std::string& line = answer->first_line;
  int status = 0;
  std::from_chars(line.data(), line.data() + line.size(), status);
  http::HeaderList headers;
  for (const auto& [name, value] : answer->headers.fields()) {
    if (name != "content-type") headers.add(name, value);
  }
  exchange.respond({status, answer->headers.find("content-type").value_or(""), &headers},
                   answer->body);
}

}  // namespace

void respond_result(http::Exchange& exchange, const sluice::jobs::JobView& view,
                    std::string_view prefix) {
  using enum sluice::jobs::JobState;
  const sluice::jobs::Job& job = view.job;
  switch (job.state) {
    case kCompleted:
      if (job.format == kHttpFormat) return respond_kept(exchange, view.output);
      return exchange.respond(200, kJson, view.output);
    case kFailed:
      return http::respond_problem(
          exchange, job.error.value_or(internal("it is not known why this job failed")));
    case kCancelled:
      return http::respond_problem(
          exchange, {ErrorCode::kConflict, formatted("job {} was cancelled", job.id)});
    case kPending:
    case kProcessing:
      break;
  }
  std::string body;
  append_job(body, job);
  const http::HeaderList headers{{"Location", formatted("{}/v1/jobs/{}/result", prefix, job.id)},
                                 {"Retry-After", "1"}};
  exchange.respond({202, kJson, &headers}, body);
}

}  // namespace sluice::api::jobs
