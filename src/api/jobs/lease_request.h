// What workers in other programs ask for, read and checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gateway/registry.h"
#include "http/exchange.h"
#include "http/json/reader.h"
#include "jobs/desk.h"

namespace sluice::api::jobs {

// The format of jobs whose input and output are any JSON, as their worker understands it.
inline constexpr std::string_view kJsonFormat = "json/1";

// What stands at the end of the worker's name in a job's record: who took it with a key reports of
// it with the same one.
std::string key_mark(const Principal* caller);

struct TakeRequest {
  std::vector<std::string> callables;
  std::size_t most = 1;  // jobs, of all callables together
  std::string worker;
  std::optional<Duration> lease;  // none: as configured
};

// How an attempt goes on, in the words of its worker.
struct AttemptReport {
  std::uint32_t attempt = 0;
  std::optional<Duration> lease;    // extend
  std::string output;               // complete: JSON, minified
  std::string error;                // fail
  bool retry = true;                // fail
  sluice::jobs::Progress progress;  // progress
};
enum class ReportKind : std::uint8_t { kExtend, kComplete, kFail, kRelease, kProgress };

// Keeps its parser's memory. One thread.
class LeaseReader {
 public:
  explicit LeaseReader(const sluice::jobs::JobLimits& limits) : limits_(limits) {}

  // {"callable": .. or "callables": [..], "max"?, "worker"?, "lease"?}. Only what is external can
  // be leased: kForbidden for what the key may not call, known or not; kNotFound for what is
  // unknown, kInvalid for the rest.
  Result<TakeRequest> take(const http::Exchange& exchange, const gateway::Registry& registry);
  // {"attempt": .., and what belongs to the kind}.
  Result<AttemptReport> report(std::string_view body, ReportKind kind);

 private:
  sluice::jobs::JobLimits limits_;
  json::Reader reader_;
};

}  // namespace sluice::api::jobs
