// How one API writes a generated answer.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "http/exchange.h"
#include "inference/generate.h"
#include "telemetry/generation_metrics.h"

namespace sluice::api::generation {

// Of one request, made when it was read. Either whole() or the functions of a stream are called,
// each of them appends to `out`; in a stream begin(), then part()s, then end() or broken().
class Form {
 public:
  virtual ~Form() = default;

  // Answers that there will be none: nothing has been sent.
  virtual void refuse(http::Exchange& exchange, const Error& error) = 0;

  [[nodiscard]] virtual std::string_view content_type() const { return "application/json"; }
  virtual void whole(std::string& out, const GenerateResponse& response,
                     const telemetry::GenerationTimings& timings) = 0;

  [[nodiscard]] virtual std::string_view stream_type() const = 0;
  // What is sent while nothing else is to be said; empty: nothing, and then the head of the answer
  // waits for the first part, however long that takes.
  [[nodiscard]] virtual std::string_view heartbeat() const { return {}; }
  virtual void begin(std::string& /*out*/) {}
  virtual void part(std::string& out, const TextPart& part) = 0;
  virtual void end(std::string& out, const GenerateResponse& response,
                   const telemetry::GenerationTimings& timings) = 0;
  // It goes wrong after something was sent.
  virtual void broken(std::string& out, const Error& error) = 0;
};

}  // namespace sluice::api::generation
