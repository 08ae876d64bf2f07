#include <algorithm>
#include <utility>

#include "api/generation/timings.h"
#include "api/generation/token_logprobs.h"
#include "api/ollama/answer.h"
#include "base/timestamp.h"
#include "http/json/reader.h"
#include "http/json/writer.h"

namespace sluice::api::ollama {

namespace {

std::string_view to_string(FinishReason reason) {
  return reason == FinishReason::kLength ? "length" : "stop";
}

// Arguments are an object here; what a model wrote in their place is no JSON.
std::string as_object(const std::string& arguments) {
  json::Reader reader;
  const auto parsed = reader.parse_copy(arguments);
  return parsed && parsed->is_object() ? arguments : std::string("{}");
}

void write_logprobs(json::Writer& writer, const std::vector<TokenLogprob>& tokens) {
  if (tokens.empty()) return;
  writer.key("logprobs");
  generation::write_logprobs(writer, tokens);
}

// What both forms have around the text.
class LineForm : public generation::Form {
 public:
  explicit LineForm(AnswerFacts facts) : facts_(std::move(facts)) {}

  void refuse(http::Exchange& exchange, const Error& error) final {
    answer_error(exchange, facts_.dialect, error);
  }
  [[nodiscard]] std::string_view stream_type() const final { return "application/x-ndjson"; }

  void whole(std::string& out, const GenerateResponse& response,
             const telemetry::GenerationTimings& timings) final {
    const Choice choice = response.choices.empty() ? Choice() : response.choices.front();
    json::Writer writer(out);
    open(writer);
    write_text(writer,
               {.text = choice.text, .reasoning = choice.reasoning, .calls = &choice.tool_calls});
    write_logprobs(writer, choice.logprobs);
    close(writer, response, choice, timings);
  }
  void part(std::string& out, const TextPart& part) final {
    json::Writer writer(out);
    open(writer);
    write_text(writer, part.reasoning ? Piece{.reasoning = part.text} : Piece{.text = part.text});
    write_logprobs(writer, part.logprobs);
    writer.field("done", false).end_object();
    out += '\n';
  }
  void end(std::string& out, const GenerateResponse& response,
           const telemetry::GenerationTimings& timings) final {
    const Choice choice = response.choices.empty() ? Choice() : response.choices.front();
    if (!choice.tool_calls.empty()) {
      json::Writer writer(out);
      open(writer);
      write_text(writer, {.calls = &choice.tool_calls});
      writer.field("done", false).end_object();
      out += '\n';
    }
    json::Writer writer(out);
    open(writer);
    write_text(writer, {});
    close(writer, response, choice, timings);
    out += '\n';
  }
  void broken(std::string& out, const Error& error) final {
    out += error_json(error.message);
    out += '\n';
  }

 protected:
  struct Piece {
    std::string_view text = {};
    std::string_view reasoning = {};
    const std::vector<ToolCall>* calls = nullptr;
  };
  virtual void write_text(json::Writer& writer, const Piece& piece) = 0;

 private:
  void open(json::Writer& writer) const {
    std::string now;
    append_timestamp(now, facts_.clock->wall());
    writer.begin_object().field("model", facts_.model).field("created_at", now);
  }
  void close(json::Writer& writer, const GenerateResponse& response, const Choice& choice,
             const telemetry::GenerationTimings& timings) const {
    writer.field("done", true);
    if (!facts_.load_reason.empty()) {
      writer.field("done_reason", facts_.load_reason).end_object();
      return;
    }
    // Clients divide the tokens by it, and an engine may send them all at once.
    const Duration decode = std::max<Duration>(timings.decode, std::chrono::nanoseconds(1));
    writer.field("done_reason", to_string(choice.finish))
        .field("total_duration", timings.total().count())
        .field("load_duration", timings.load.count())
        .field("prompt_eval_count", response.usage.prompt_tokens)
        .field("prompt_eval_duration", timings.prompt.count())
        .field("eval_count", response.usage.completion_tokens)
        .field("eval_duration", decode.count())
        .key("timings");
    generation::append_timings(writer.out(), timings);
    writer.end_object();
  }

  const AnswerFacts facts_;
};

class GenerateForm final : public LineForm {
 public:
  using LineForm::LineForm;

 private:
  void write_text(json::Writer& writer, const Piece& piece) override {
    writer.field("response", piece.text);
    if (!piece.reasoning.empty()) writer.field("thinking", piece.reasoning);
  }
};

class ChatForm final : public LineForm {
 public:
  using LineForm::LineForm;

 private:
  void write_text(json::Writer& writer, const Piece& piece) override {
    writer.key("message").begin_object().field("role", "assistant").field("content", piece.text);
    if (!piece.reasoning.empty()) writer.field("thinking", piece.reasoning);
    if (piece.calls != nullptr && !piece.calls->empty()) {
      writer.key("tool_calls").begin_array();
      for (const ToolCall& call : *piece.calls) {
        writer.begin_object().key("function").begin_object().field("name", call.name);
        writer.key("arguments").raw(as_object(call.arguments)).end_object().end_object();
      }
      writer.end_array();
    }
    writer.end_object();
  }
};

}  // namespace

std::unique_ptr<generation::Form> make_generate_form(AnswerFacts facts) {
  return std::make_unique<GenerateForm>(std::move(facts));
}
std::unique_ptr<generation::Form> make_chat_form(AnswerFacts facts) {
  return std::make_unique<ChatForm>(std::move(facts));
}

}  // namespace sluice::api::ollama
