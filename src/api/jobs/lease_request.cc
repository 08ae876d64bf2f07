#include "api/jobs/lease_request.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include "api/jobs/body.h"
#include "base/format.h"

namespace sluice::api::jobs {

namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::size_t kMaxCallables = 16;  // that one request takes jobs of
constexpr std::size_t kMaxWorkerBytes = 128;
constexpr std::size_t kMaxErrorBytes = 4096;
constexpr std::chrono::seconds kShortestLease{1};

constexpr std::array<std::string_view, 5> kTakeFields = {"callable", "callables", "max", "worker",
                                                         "lease"};
constexpr std::array<std::string_view, 2> kExtendFields = {"attempt", "lease"};
constexpr std::array<std::string_view, 2> kCompleteFields = {"attempt", "output"};
constexpr std::array<std::string_view, 3> kFailFields = {"attempt", "error", "retry"};
constexpr std::array<std::string_view, 1> kReleaseFields = {"attempt"};
constexpr std::array<std::string_view, 3> kProgressFields = {"attempt", "progress", "partial"};

struct Shape {
  std::span<const std::string_view> fields;
  std::string_view example;
};
Shape shape_of(ReportKind kind) {
  switch (kind) {
    case ReportKind::kExtend:
      return {kExtendFields, R"({"attempt": 1, "lease": "30s"})"};
    case ReportKind::kComplete:
      return {kCompleteFields, R"({"attempt": 1, "output": {..}})"};
    case ReportKind::kFail:
      return {kFailFields, R"({"attempt": 1, "error": "why", "retry": true})"};
    case ReportKind::kRelease:
      return {kReleaseFields, R"({"attempt": 1})"};
    case ReportKind::kProgress:
      break;
  }
  return {kProgressFields, R"({"attempt": 1, "progress": 0.5})"};
}

Result<> read_progress(const object& body, std::size_t most, sluice::jobs::Progress& progress) {
  if (element share; body["progress"].get(share) == simdjson::SUCCESS) {
    double value = 0;
    if (share.get(value) != simdjson::SUCCESS || value < 0 || value > 1) {
      return fail(invalid("'progress': expected a number from 0 to 1"));
    }
    progress.share = value;
  }
  if (element partial; body["partial"].get(partial) == simdjson::SUCCESS) {
    progress.partial = simdjson::minify(partial);
    if (progress.partial->size() > most) {
      return fail(ErrorCode::kTooLarge,
                  formatted("'partial' has {} bytes; at most {} are shown while a job is run",
                            progress.partial->size(), most));
    }
  }
  if (!progress.share && !progress.partial) {
    return fail(
        invalid("say how far it is with 'progress', from 0 to 1, or what there is of its "
                "output with 'partial'"));
  }
  return {};
}

Result<std::vector<std::string>> callables_of(const object& body) {
  std::vector<std::string> names;
  const auto one = text_field(body, "callable");
  if (!one) return fail(one.error());
  if (*one) names.emplace_back(**one);
  if (element several; body["callables"].get(several) == simdjson::SUCCESS) {
    array list;
    if (several.get(list) != simdjson::SUCCESS) {
      return fail(invalid(
          formatted("'callables': expected an array of names, got {}", json::kind_of(several))));
    }
    for (const element name : list) {
      std::string_view text;
      if (name.get(text) != simdjson::SUCCESS) {
        return fail(invalid(formatted("'callables': expected names, got {}", json::kind_of(name))));
      }
      if (std::ranges::find(names, text) == names.end()) names.emplace_back(text);
    }
  }
  if (names.empty()) {
    return fail(invalid("'callable' is missing; name what you take jobs of"));
  }
  if (names.size() > kMaxCallables) {
    return fail(invalid(formatted("'callables': at most {} in one request", kMaxCallables)));
  }
  return names;
}

// None, and `text` as it is, where it is not longer.
void cut(std::string& text, std::size_t most) {
  if (text.size() <= most) return;
  // Not within a character.
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
  text.resize(most);
}

}  // namespace

std::string key_mark(const Principal* caller) {
  return caller != nullptr ? "@" + caller->key_id : std::string();
}

Result<TakeRequest> LeaseReader::take(const http::Exchange& exchange,
                                      const gateway::Registry& registry) {
  const auto body = read_object(reader_, exchange.body(), R"({"callable": "resize"})");
  if (!body) return fail(body.error());
  if (auto ok = only_known_fields(*body, kTakeFields); !ok) return fail(ok.error());
  TakeRequest request;
  auto callables = callables_of(*body);
  if (!callables) return fail(callables.error());
  request.callables = std::move(*callables);
  for (const std::string& name : request.callables) {
    if (auto ok = check_callable(exchange.principal.get(), name); !ok) return fail(ok.error());
    const gateway::Entry* entry = registry.entry(name);
    if (entry == nullptr) {
      return fail(not_found(formatted("there is no callable '{}'", name)));
    }
    if (entry->kind != CallableKind::kExternal) {
      return fail(
          invalid(formatted("'{}' is run by Sluice itself; only jobs of callables that "
                            "are 'external' in the configuration can be leased",
                            name)));
    }
  }
  const auto most = integer_field(*body, "max", 1, static_cast<std::int64_t>(limits_.max_leases));
  if (!most) return fail(most.error());
  request.most = static_cast<std::size_t>(most->value_or(1));
  const auto lease = duration_field(*body, "lease", kShortestLease, limits_.longest_lease);
  if (!lease) return fail(lease.error());
  request.lease = *lease;
  const auto worker = text_field(*body, "worker");
  if (!worker) return fail(worker.error());
  request.worker = worker->value_or(exchange.peer());
  cut(request.worker, kMaxWorkerBytes);
  request.worker += key_mark(exchange.principal.get());
  return request;
}

Result<AttemptReport> LeaseReader::report(std::string_view text, ReportKind kind) {
  const Shape shape = shape_of(kind);
  const auto body = read_object(reader_, text, shape.example);
  if (!body) return fail(body.error());
  if (auto ok = only_known_fields(*body, shape.fields); !ok) return fail(ok.error());
  AttemptReport report;
  const auto attempt =
      integer_field(*body, "attempt", 1, std::numeric_limits<std::uint32_t>::max());
  if (!attempt) return fail(attempt.error());
  if (!*attempt) {
    return fail(invalid("'attempt' is missing; show the one that came with the lease"));
  }
  report.attempt = static_cast<std::uint32_t>(**attempt);
  const auto lease = duration_field(*body, "lease", kShortestLease, limits_.longest_lease);
  if (!lease) return fail(lease.error());
  report.lease = *lease;
  if (kind == ReportKind::kComplete) {
    element output;
    if ((*body)["output"].get(output) != simdjson::SUCCESS) {
      return fail(invalid("'output' is missing; null will do where there is nothing to say"));
    }
    report.output = simdjson::minify(output);
    if (report.output.size() > limits_.max_output_bytes) {
      return fail(ErrorCode::kTooLarge,
                  formatted("'output' has {} bytes; at most {} are kept (jobs.max_output_bytes)",
                            report.output.size(), limits_.max_output_bytes));
    }
  } else if (kind == ReportKind::kFail) {
    const auto error = text_field(*body, "error");
    if (!error) return fail(error.error());
    if (!*error || (*error)->empty()) {
      return fail(invalid("'error' is missing; say why it failed"));
    }
    report.error = **error;
    cut(report.error, kMaxErrorBytes);
    if (element retry; (*body)["retry"].get(retry) == simdjson::SUCCESS &&
                       retry.get(report.retry) != simdjson::SUCCESS) {
      return fail(
          invalid(formatted("'retry': expected true or false, got {}", json::kind_of(retry))));
    }
  } else if (kind == ReportKind::kProgress) {
    if (auto ok = read_progress(*body, limits_.max_partial_bytes, report.progress); !ok)
      return fail(ok.error());
  }
  return report;
}

}  // namespace sluice::api::jobs
