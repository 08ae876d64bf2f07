#include "api/jobs/submission.h"

#include <algorithm>
#include <array>
#include <format>

#include "base/digest.h"
#include "base/timestamp.h"
#include "config/units.h"

namespace sluice::api::jobs {

namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::array<std::string_view, 6> kFields = {"callable", "input",    "priority",
                                                     "run_at",   "deadline", "metadata"};

Result<> only_known_fields(const object& body) {
  for (const auto field : body) {
    if (std::ranges::find(kFields, field.key) != kFields.end()) continue;
    std::string known;
    for (const std::string_view one : kFields) {
      if (!known.empty()) known += ", ";
      known += one;
    }
    return fail(
        invalid(std::format("the body has a field '{}'; what it may have: {}", field.key, known)));
  }
  return {};
}

// None when the field is absent or null.
Result<std::optional<std::string_view>> text_field(const object& body, const char* name) {
  element value;
  if (body[name].get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) {
    return fail(
        invalid(std::format("'{}': expected a string, got {}", name, json::kind_of(value))));
  }
  return text;
}

}  // namespace

Result<std::string> idempotency_key(const http::RequestHead& head, std::size_t longest) {
  const auto value = head.header("Idempotency-Key");
  if (!value) return std::string();
  std::string_view key = http::trim(*value);
  if (key.size() >= 2 && key.front() == '"' && key.back() == '"') {
    key = key.substr(1, key.size() - 2);
  }
  if (key.empty() || key.size() > longest) {
    return fail(invalid(std::format("Idempotency-Key must have 1 to {} characters", longest)));
  }
  return std::string(key);
}

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
        invalid(std::format("'{}': expected a time like 2026-01-31T12:00:00Z or how long "
                            "from now, like 10m; got \"{}\"",
                            field, **text)));
  }
  if (*at > now + limits_.farthest) {
    return fail(invalid(std::format("'{}' is more than {} away", field,
                                    config::format_duration(limits_.farthest))));
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
          invalid(std::format("'priority': expected high, normal or low, got \"{}\"", **priority)));
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
  if (element metadata;
      body["metadata"].get(metadata) == simdjson::SUCCESS && !metadata.is_null()) {
    if (!metadata.is_object()) {
      return fail(
          invalid(std::format("'metadata': expected an object, got {}", json::kind_of(metadata))));
    }
    job.metadata = simdjson::minify(metadata);
    if (job.metadata.size() > limits_.max_metadata_bytes) {
      return fail(ErrorCode::kTooLarge,
                  std::format("'metadata' has {} bytes; at most {} are kept", job.metadata.size(),
                              limits_.max_metadata_bytes));
    }
  }
  return {};
}

Result<sluice::jobs::NewJob> SubmissionReader::read(const http::Exchange& exchange,
                                                    const gateway::Registry& registry,
                                                    WallTime now) {
  sluice::jobs::NewJob job{.format = std::string(kInferFormat)};
  auto key = idempotency_key(exchange.head(), limits_.max_idempotency_key_bytes);
  if (!key) return fail(key.error());
  job.idempotency_key = std::move(*key);
  if (!job.idempotency_key.empty()) {
    const Sha256 digest = sha256(exchange.body());
    job.digest.assign(digest.begin(), digest.end());
  }
  const auto root = reader_.parse(exchange.body());
  if (!root) return fail(root.error());
  object body;
  if (root->get(body) != simdjson::SUCCESS) {
    return fail(invalid(
        std::format(R"(expected an object like {{"callable": "iris", "input": {{..}}}}, got {})",
                    json::kind_of(*root))));
  }
  if (auto ok = only_known_fields(body); !ok) return fail(ok.error());
  const auto callable = text_field(body, "callable");
  if (!callable) return fail(callable.error());
  if (!*callable) return fail(invalid("'callable' is missing; name what is to be called"));
  job.callable = **callable;
  element input;
  if (body["input"].get(input) != simdjson::SUCCESS) {
    return fail(invalid("'input' is missing; give what the callable takes"));
  }
  job.input = simdjson::minify(input);
  if (auto ok = read_options(body, now, job); !ok) return fail(ok.error());

  const auto found = registry.find(job.callable);
  if (!found && found.error().code == ErrorCode::kNotFound) return fail(found.error());
  if (found) {
    auto decoded = codecs_.find(job.format)->decode(job.input, (**found)->describe());
    if (!decoded) return fail(decoded.error());
    if (auto ok = check_inputs((**found)->describe(), *decoded); !ok) return fail(ok.error());
  }
  return job;
}

}  // namespace sluice::api::jobs
