#include "api/openai/stream_form.h"

#include "api/generation/timings.h"

namespace sluice::api::openai {

namespace {
constexpr std::string_view kEventEnd = "\n\n";

void write_timings(json::Writer& writer, const telemetry::GenerationTimings& timings) {
  writer.key("timings");
  generation::append_timings(writer.out(), timings);
}
}  // namespace

std::string_view to_string(FinishReason reason) {
  switch (reason) {
    case FinishReason::kLength:
      return "length";
    case FinishReason::kToolCalls:
      return "tool_calls";
    case FinishReason::kStop:
      break;
  }
  return "stop";
}

void write_usage(json::Writer& writer, const Usage& usage) {
  writer.key("usage")
      .begin_object()
      .field("prompt_tokens", usage.prompt_tokens)
      .field("completion_tokens", usage.completion_tokens)
      .field("total_tokens", usage.prompt_tokens + usage.completion_tokens)
      .key("prompt_tokens_details")
      .begin_object()
      .field("cached_tokens", usage.cached_tokens)
      .end_object()
      .end_object();
}

void StreamForm::open(json::Writer& writer, std::string_view object) const {
  writer.begin_object()
      .field("id", facts_.id)
      .field("object", object)
      .field("created", facts_.created)
      .field("model", facts_.model)
      .key("choices")
      .begin_array();
}

void StreamForm::whole(std::string& out, const GenerateResponse& response,
                       const telemetry::GenerationTimings& timings) {
  json::Writer writer(out);
  open(writer, whole_);
  for (std::size_t i = 0; i < response.choices.size(); ++i) {
    write_choice(writer, i, response.choices[i]);
  }
  writer.end_array();
  write_usage(writer, response.usage);
  write_timings(writer, timings);
  writer.end_object();
}

json::Writer StreamForm::open_event(std::string& out) {
  out += "data: ";
  json::Writer writer(out);
  open(writer, chunk_);
  return writer;
}

void StreamForm::close_event(json::Writer& writer) const {
  writer.end_array();
  if (facts_.include_usage) writer.key("usage").null();
  writer.end_object().out() += kEventEnd;
}

void StreamForm::part(std::string& out, const TextPart& part) {
  json::Writer writer = open_event(out);
  write_part(writer, part);
  close_event(writer);
}

void StreamForm::end(std::string& out, const GenerateResponse& response,
                     const telemetry::GenerationTimings& timings) {
  for (std::size_t i = 0; i < response.choices.size(); ++i) {
    write_rest(out, i, response.choices[i]);
    json::Writer writer = open_event(out);
    write_last(writer, i, response.choices[i].finish);
    writer.end_array();
    if (facts_.include_usage) writer.key("usage").null();
    // The last event that is sure to come has them.
    if (i + 1 == response.choices.size()) write_timings(writer, timings);
    writer.end_object();
    out += kEventEnd;
  }
  if (facts_.include_usage) {
    json::Writer writer = open_event(out);
    writer.end_array();
    write_usage(writer, response.usage);
    write_timings(writer, timings);
    writer.end_object();
    out += kEventEnd;
  }
  out += "data: [DONE]\n\n";
}

void StreamForm::broken(std::string& out, const Error& error) {
  out += "event: error\ndata: ";
  out += error_json(error);
  out += kEventEnd;
}

}  // namespace sluice::api::openai
