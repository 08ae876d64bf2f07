// What a caller hands in, read and checked.
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "gateway/registry.h"
#include "http/exchange.h"
#include "http/json/reader.h"
#include "jobs/desk.h"

namespace sluice::api::jobs {

// The format of jobs whose input is the JSON of an inference request.
inline constexpr std::string_view kInferFormat = "infer/1";
// Of the body of a request for an answer to messages, for one to a prompt, and for vectors, as
// OpenAI's API has them.
inline constexpr std::string_view kGenerateFormat = "generate/1";
inline constexpr std::string_view kCompleteFormat = "complete/1";
inline constexpr std::string_view kEmbedFormat = "embed/1";

// Reads submissions; keeps its parser's memory. One thread.
class SubmissionReader {
 public:
  explicit SubmissionReader(const sluice::jobs::Desk& desk)
      : limits_(desk.limits), codecs_(desk.codecs) {}

  // From the body of POST /v1/jobs and the headers beside it. The input is tried on the callable,
  // so that what could never run is refused now: kForbidden for a callable that the key may not
  // call, known or not; kNotFound for an unknown one, kInvalid with what is wrong.
  Result<sluice::jobs::NewJob> read(const http::Exchange& exchange,
                                    const gateway::Registry& registry, WallTime now);
  // A line of a batch of that caller. What is wrong with it is its `broken`. `callable`: of a line
  // that names none.
  sluice::jobs::NewJob read_line(std::string_view line, std::string_view callable,
                                 const Principal* caller, const gateway::Registry& registry,
                                 WallTime now);

 private:
  Result<> read_call(const simdjson::dom::object& body, std::string_view callable,
                     const Principal* caller, const gateway::Registry& registry,
                     sluice::jobs::NewJob& job);
  Result<> read_options(const simdjson::dom::object& body, WallTime now,
                        sluice::jobs::NewJob& job) const;
  Result<std::optional<WallTime>> moment(const simdjson::dom::object& body, const char* field,
                                         WallTime now) const;

  sluice::jobs::JobLimits limits_;
  sluice::jobs::Codecs codecs_;
  json::Reader reader_;
};

}  // namespace sluice::api::jobs
