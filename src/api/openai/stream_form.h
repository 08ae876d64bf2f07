// What the streams of both forms (chat and completions) have in common.
#pragma once

#include <string>
#include <vector>

#include "api/openai/answer.h"
#include "http/json/writer.h"

namespace sluice::api::openai {

std::string_view to_string(FinishReason reason);  // "stop", "length", "tool_calls"
// A member "usage".
void write_usage(json::Writer& writer, const Usage& usage);

// Writes what is around the choices; what a choice looks like is for the two that derive from it.
class StreamForm : public generation::Form {
 public:
  void refuse(http::Exchange& exchange, const Error& error) final {
    answer_error(exchange, error, param_of(error, input()));
  }
  [[nodiscard]] std::string_view stream_type() const final { return "text/event-stream"; }
  [[nodiscard]] std::string_view heartbeat() const final { return ": ping\n\n"; }
  void whole(std::string& out, const GenerateResponse& response,
             const telemetry::GenerationTimings& timings) final;
  void part(std::string& out, const TextPart& part) override;
  void end(std::string& out, const GenerateResponse& response,
           const telemetry::GenerationTimings& timings) final;
  void broken(std::string& out, const Error& error) final;

 protected:
  // The `object` of whole answers and of chunks.
  StreamForm(AnswerFacts facts, std::string_view whole, std::string_view chunk)
      : facts_(std::move(facts)), whole_(whole), chunk_(chunk) {}

  // The member of a request that the model reads.
  [[nodiscard]] virtual std::string_view input() const = 0;
  // Each writes one object into the list of choices.
  virtual void write_choice(json::Writer& writer, std::size_t index, const Choice& choice) = 0;
  virtual void write_part(json::Writer& writer, const TextPart& part) = 0;
  // What comes of a choice at the end of a stream that its parts did not have.
  virtual void write_rest(std::string& /*out*/, std::size_t /*index*/, const Choice& /*choice*/) {}
  virtual void write_last(json::Writer& writer, std::size_t index, FinishReason finish) = 0;

  // An event up to the list of choices, and from there to its end.
  json::Writer open_event(std::string& out);
  void close_event(json::Writer& writer) const;
  [[nodiscard]] const AnswerFacts& facts() const { return facts_; }

 private:
  void open(json::Writer& writer, std::string_view object) const;

  AnswerFacts facts_;
  std::string_view whole_;
  std::string_view chunk_;
};

}  // namespace sluice::api::openai
