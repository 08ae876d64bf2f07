#include "api/jobs/job_json.h"

#include "api/jobs/later.h"
#include "base/timestamp.h"
#include "http/json/writer.h"
#include "http/kept_message.h"

namespace sluice::api::jobs {

namespace {

void time_field(json::Writer& writer, std::string_view name, const std::optional<WallTime>& at) {
  if (!at) return;
  std::string text;
  append_timestamp(text, *at);
  writer.field(name, text);
}

}  // namespace

std::optional<std::string> json_result(const sluice::jobs::Job& job, std::string_view output) {
  if (job.state != sluice::jobs::JobState::kCompleted || output.empty()) return std::nullopt;
  if (job.format != kHttpFormat) return std::string(output);
  auto answer = http::KeptMessage::read(output);
  if (!answer) return std::nullopt;
  const auto type = answer->headers.find("content-type").value_or("");
  // What follows a JSON header in the binary form of the Open Inference Protocol is none.
  const bool json = http::iequals(http::trim(type.substr(0, type.find(';'))), "application/json") &&
                    !answer->headers.find("Inference-Header-Content-Length");
  if (!json || answer->body.empty()) return std::nullopt;
  return std::move(answer->body);
}

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
  if (!job.partial.empty()) writer.key("partial").raw(job.partial);
  time_field(writer, "created_at", job.created);
  time_field(writer, "run_at", job.run_at);
  time_field(writer, "deadline", job.deadline);
  time_field(writer, "retry_at", job.not_before == job.run_at ? std::nullopt : job.not_before);
  time_field(writer, "started_at", job.started);
  time_field(writer, "finished_at", job.finished);
  time_field(writer, "expires_at", job.expires);
  if (!job.batch.empty()) writer.field("batch", job.batch).field("line", job.line);
  if (!job.custom_id.empty()) writer.field("custom_id", job.custom_id);
  if (!job.webhook.empty()) writer.field("webhook", job.webhook);
  if (!job.metadata.empty()) writer.key("metadata").raw(job.metadata);
  if (job.error) {
    writer.key("error")
        .begin_object()
        .field("code", to_string(job.error->code))
        .field("message", job.error->message)
        .end_object();
  }
  if (const auto json = json_result(job, output)) writer.key("result").raw(*json);
  writer.end_object();
}

void append_batch(std::string& out, const sluice::jobs::Batch& batch) {
  json::Writer writer(out);
  writer.begin_object().field("id", batch.id).field("status", to_string(batch.state));
  writer.field("lines", batch.lines).key("counts").begin_object();
  writer.field("pending", batch.pending)
      .field("processing", batch.processing)
      .field("completed", batch.completed)
      .field("failed", batch.failed)
      .field("cancelled", batch.cancelled)
      .end_object();
  time_field(writer, "created_at", batch.created);
  time_field(writer, "finished_at", batch.finished);
  time_field(writer, "expires_at", batch.expires);
  if (!batch.error.empty()) writer.field("error", batch.error);
  writer.end_object();
}

void append_batches(std::string& out, const std::vector<sluice::jobs::Batch>& page, bool more) {
  json::Writer writer(out);
  writer.begin_object().key("batches").begin_array();
  for (const sluice::jobs::Batch& batch : page) {
    std::string one;
    append_batch(one, batch);
    writer.raw(one);
  }
  writer.end_array().key("next");
  if (more && !page.empty()) {
    writer.value(page.back().id);
  } else {
    writer.null();
  }
  writer.end_object();
}

void append_leases(std::string& out, const std::vector<sluice::jobs::Claimed>& taken) {
  json::Writer writer(out);
  writer.begin_object().key("leases").begin_array();
  for (const sluice::jobs::Claimed& claimed : taken) {
    const sluice::jobs::Job& job = claimed.job;
    writer.begin_object()
        .field("job", job.id)
        .field("callable", job.callable)
        .field("attempt", job.attempt);
    time_field(writer, "lease_until", job.lease_until);
    time_field(writer, "created_at", job.created);
    time_field(writer, "deadline", job.deadline);
    if (!job.metadata.empty()) writer.key("metadata").raw(job.metadata);
    writer.key("input").raw(claimed.input).end_object();
  }
  writer.end_array().end_object();
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
