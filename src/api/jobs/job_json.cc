#include "api/jobs/job_json.h"

#include "base/timestamp.h"
#include "http/json/writer.h"

namespace sluice::api::jobs {

namespace {

void time_field(json::Writer& writer, std::string_view name, const std::optional<WallTime>& at) {
  if (!at) return;
  std::string text;
  append_timestamp(text, *at);
  writer.field(name, text);
}

}  // namespace

void append_job(std::string& out, const sluice::jobs::Job& job, std::string_view output) {
  using sluice::jobs::JobState;
  json::Writer writer(out);
  writer.begin_object()
      .field("id", job.id)
      .field("callable", job.callable)
      .field("status", to_string(job.state))
      .field("priority", to_string(job.priority))
      .field("attempt", job.attempt)
      .field("failures", job.returns.failures)
      .field("lost_leases", job.returns.lost_leases)
      .field("outages", job.returns.outages)
      .field("progress", job.progress);
  time_field(writer, "created_at", job.created);
  time_field(writer, "run_at", job.run_at);
  time_field(writer, "deadline", job.deadline);
  time_field(writer, "retry_at", job.not_before == job.run_at ? std::nullopt : job.not_before);
  time_field(writer, "started_at", job.started);
  time_field(writer, "finished_at", job.finished);
  time_field(writer, "expires_at", job.expires);
  if (!job.batch.empty()) writer.field("batch", job.batch);
  if (!job.metadata.empty()) writer.key("metadata").raw(job.metadata);
  if (job.error) {
    writer.key("error")
        .begin_object()
        .field("code", to_string(job.error->code))
        .field("message", job.error->message)
        .end_object();
  }
  if (job.state == JobState::kCompleted && !output.empty()) writer.key("result").raw(output);
  writer.end_object();
}

void append_page(std::string& out, const sluice::jobs::JobPage& page) {
  json::Writer writer(out);
  writer.begin_object().key("jobs").begin_array();
  for (const sluice::jobs::Job& job : page.jobs) {
    std::string one;
    append_job(one, job);
    writer.raw(one);
  }
  writer.end_array().key("next");
  if (page.more && !page.jobs.empty()) {
    writer.value(page.jobs.back().id);
  } else {
    writer.null();
  }
  writer.end_object();
}

}  // namespace sluice::api::jobs
