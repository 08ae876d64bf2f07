#include "api/jobs/submission.h"

#include <algorithm>
#include <array>

#include "api/jobs/body.h"
#include "api/jobs/idempotency.h"
#include "api/jobs/lease_request.h"
#include "api/jobs/owner.h"
#include "base/format.h"
#include "base/timestamp.h"
#include "config/units.h"
#include "jobs/webhook.h"

namespace sluice::api::jobs {

namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::array<std::string_view, 7> kFields = {"callable", "input",    "priority", "run_at",
                                                     "deadline", "metadata", "webhook"};
constexpr std::array<std::string_view, 5> kLineFields = {"callable", "input", "custom_id",
                                                         "deadline", "metadata"};
constexpr std::size_t kMaxCustomIdBytes = 256;

}  // namespace

Result<std::optional<WallTime>> SubmissionReader::moment(const object& body, const char* field,
                                                         WallTime now) const {
  const auto text = text_field(body, field);
  if (!text) return fail(text.error());
  if (!*text) return std::nullopt;
  std::optional<WallTime> at = parse_timestamp(**text);
  if (!at) {
    if (const auto in = config::parse_duration(**text)) {
      at = now + std::min(*in, limits_.farthest + std::chrono::hours(1));
    }
  }
  if (!at) {
    return fail(
        invalid(formatted("'{}': expected a time like 2026-01-31T12:00:00Z or how long "
                          "from now, like 10m; got \"{}\"",
                          field, **text)));
  }
  if (*at > now + limits_.farthest) {
    return fail(invalid(
        formatted("'{}' is more than {} away", field, config::format_duration(limits_.farthest))));
  }
  return at;
}

Result<> SubmissionReader::read_options(const object& body, WallTime now,
                                        sluice::jobs::NewJob& job) const {
  const auto priority = text_field(body, "priority");
  if (!priority) return fail(priority.error());
  if (*priority) {
    const auto known = sluice::jobs::parse_priority(**priority);
    if (!known) {
      return fail(
          invalid(formatted("'priority': expected high, normal or low, got \"{}\"", **priority)));
    }
    job.priority = *known;
  }
  auto run_at = moment(body, "run_at", now);
  if (!run_at) return fail(run_at.error());
  if (*run_at && **run_at > now) job.run_at = *run_at;
  auto deadline = moment(body, "deadline", now);
  if (!deadline) return fail(deadline.error());
  if (*deadline && **deadline <= now) return fail(invalid("'deadline' has passed already"));
  if (*deadline && job.run_at && **deadline <= *job.run_at) {
    return fail(invalid("'deadline' is not after 'run_at'"));
  }
  job.deadline = *deadline;
  const auto webhook = text_field(body, "webhook");
  if (!webhook) return fail(webhook.error());
  if (*webhook) {
    if (!limits_.webhooks) {
      return fail(invalid("'webhook': this server sends none; set jobs.webhooks.secret"));
    }
    const auto url = sluice::jobs::webhook_url(**webhook, limits_.private_webhooks);
    if (!url) return fail(invalid("'webhook': " + url.error().message));
    job.webhook = **webhook;
  }
  if (element metadata;
      body["metadata"].get(metadata) == simdjson::SUCCESS && !metadata.is_null()) {
    if (!metadata.is_object()) {
      return fail(
          invalid(formatted("'metadata': expected an object, got {}", json::kind_of(metadata))));
    }
    job.metadata = simdjson::minify(metadata);
    if (job.metadata.size() > limits_.max_metadata_bytes) {
      return fail(ErrorCode::kTooLarge, formatted("'metadata' has {} bytes; at most {} are kept",
                                                  job.metadata.size(), limits_.max_metadata_bytes));
    }
  }
  return {};
}

namespace {
bool has_prompt(const element& input) {
  element prompt;
  return input.is_object() && input.at_key("prompt").get(prompt) == simdjson::SUCCESS &&
         !prompt.is_null();
}

std::string_view format_for(RequestKind kind, const element& input) {
  switch (kind) {
    case RequestKind::kInfer:
      break;
    case RequestKind::kGenerate:
      return has_prompt(input) ? kCompleteFormat : kGenerateFormat;
    case RequestKind::kEmbed:
      return kEmbedFormat;
  }
  return kInferFormat;
}
}  // namespace

Result<sluice::jobs::NewJob> SubmissionReader::read(const http::Exchange& exchange,
                                                    const gateway::Registry& registry,
                                                    WallTime now) {
  sluice::jobs::NewJob job{.format = std::string(kInferFormat), .owner = owner_of(exchange)};
  if (auto ok = take_idempotency_key(exchange.head(), limits_.max_idempotency_key_bytes,
                                     exchange.body(), job);
      !ok) {
    return fail(ok.error());
  }
  const auto body = read_object(reader_, exchange.body(), R"({"callable": "iris", "input": {..}})");
  if (!body) return fail(body.error());
  if (auto ok = only_known_fields(*body, kFields); !ok) return fail(ok.error());
  const Principal* caller = exchange.principal.get();
  if (auto ok = read_call(*body, {}, caller, registry, job); !ok) return fail(ok.error());
  job.tenant = tenant_of(exchange);
  if (auto ok = read_options(*body, now, job); !ok) return fail(ok.error());
  job.priority = sluice::jobs::priority_for(caller, job.priority);
  return job;
}

Result<> SubmissionReader::read_call(const object& body, std::string_view callable,
                                     const Principal* caller, const gateway::Registry& registry,
                                     sluice::jobs::NewJob& job) {
  const auto named = text_field(body, "callable");
  if (!named) return fail(named.error());
  job.callable = named->value_or(callable);
  if (job.callable.empty()) {
    return fail(invalid("'callable' is missing; name what is to be called"));
  }
  // Before all that would tell what there is of it.
  if (auto ok = check_callable(caller, job.callable); !ok) return ok;
  element input;
  if (body["input"].get(input) != simdjson::SUCCESS) {
    return fail(invalid("'input' is missing; give what the callable takes"));
  }
  job.input = simdjson::minify(input);
  const auto found = registry.find(job.callable);
  // What is away now may be there when the job's turn comes.
  if (!found && found.error().code == ErrorCode::kNotFound) return fail(found.error());
  if (found && (**found)->describe().kind == CallableKind::kExternal) {
    job.format = kJsonFormat;  // its worker says whether it can be run
  } else if (found) {
    job.format = format_for((**found)->describe().takes, input);
    auto decoded = codecs_.find(job.format)->decode(job.input, (**found)->describe());
    if (!decoded) return fail(decoded.error());
    if (auto ok = check_request((**found)->describe(), *decoded); !ok) return ok;
  }
  return {};
}

sluice::jobs::NewJob SubmissionReader::read_line(std::string_view line, std::string_view callable,
                                                 const Principal* caller,
                                                 const gateway::Registry& registry, WallTime now) {
  sluice::jobs::NewJob job{.format = std::string(kInferFormat)};
  const auto read = [&]() -> Result<> {
    const auto root = reader_.parse_copy(line);
    if (!root) return fail(root.error());
    object body;
    if (root->get(body) != simdjson::SUCCESS) {
      return fail(invalid(formatted(R"(expected an object like {{"input": {{..}}}}, got {})",
                                    json::kind_of(*root))));
    }
    const auto custom_id = text_field(body, "custom_id");
    if (!custom_id) return fail(custom_id.error());
    job.custom_id = custom_id->value_or("");
    if (job.custom_id.size() > kMaxCustomIdBytes) {
      job.custom_id.clear();
      return fail(invalid(formatted("'custom_id' is longer than {} bytes", kMaxCustomIdBytes)));
    }
    if (auto ok = only_known_fields(body, kLineFields); !ok) return ok;
    if (auto ok = read_call(body, callable, caller, registry, job); !ok) return ok;
    return read_options(body, now, job);
  };
  if (auto ok = read(); !ok) {
    job.broken = ok.error();
    job.input.clear();
  }
  return job;
}

}  // namespace sluice::api::jobs
