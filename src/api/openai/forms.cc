
#include "api/openai/logprobs.h"
#include "api/openai/stream_form.h"
#include "base/format.h"

namespace sluice::api::openai {

namespace {

// As DeepSeek's API, vLLM and llama.cpp's server name it.
constexpr std::string_view kReasoning = "reasoning_content";

class ChatForm final : public StreamForm {
 public:
  explicit ChatForm(AnswerFacts facts)
      : StreamForm(std::move(facts), "chat.completion", "chat.completion.chunk") {}

  // The first delta of every choice says who speaks.
  void begin(std::string& out) override {
    for (std::uint32_t i = 0; i < facts().choices; ++i) {
      json::Writer writer = open_event(out);
      writer.begin_object().field("index", i).key("delta").begin_object();
      writer.field("role", "assistant").field("content", "").end_object();
      writer.key("logprobs").null().key("finish_reason").null().end_object();
      close_event(writer);
    }
  }

 private:
  [[nodiscard]] std::string_view input() const override { return "messages"; }
  void write_choice(json::Writer& writer, std::size_t index, const Choice& choice) override {
    writer.begin_object().field("index", index).key("message").begin_object();
    writer.field("role", "assistant");
    if (!choice.reasoning.empty()) writer.field(kReasoning, choice.reasoning);
    writer.key("content");
    if (choice.text.empty() && !choice.tool_calls.empty()) {
      writer.null();
    } else {
      writer.value(choice.text);
    }
    writer.key("refusal").null();
    if (!choice.tool_calls.empty()) write_calls(writer, index, choice.tool_calls, false);
    writer.end_object().key("logprobs");
    write_chat_logprobs(writer, choice.logprobs);
    writer.field("finish_reason", to_string(choice.finish)).end_object();
  }

  void write_part(json::Writer& writer, const TextPart& part) override {
    writer.begin_object().field("index", part.choice).key("delta").begin_object();
    writer.field(part.reasoning ? kReasoning : "content", part.text).end_object().key("logprobs");
    write_chat_logprobs(writer, part.logprobs);
    writer.key("finish_reason").null().end_object();
  }

  void write_rest(std::string& out, std::size_t index, const Choice& choice) override {
    if (choice.tool_calls.empty()) return;
    json::Writer writer = open_event(out);
    writer.begin_object().field("index", index).key("delta").begin_object();
    write_calls(writer, index, choice.tool_calls, true);
    writer.end_object().key("logprobs").null().key("finish_reason").null().end_object();
    close_event(writer);
  }

  void write_last(json::Writer& writer, std::size_t index, FinishReason finish) override {
    writer.begin_object().field("index", index).key("delta").begin_object().end_object();
    writer.key("logprobs").null().field("finish_reason", to_string(finish)).end_object();
  }

  // Clients answer a call by its id, so each has one, whatever the model says.
  void write_calls(json::Writer& writer, std::size_t choice, const std::vector<ToolCall>& calls,
                   bool indexed) const {
    writer.key("tool_calls").begin_array();
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const ToolCall& call = calls[i];
      writer.begin_object();
      if (indexed) writer.field("index", i);
      writer.field("id",
                   call.id.empty() ? formatted("call_{}_{}_{}", facts().id, choice, i) : call.id);
      writer.field("type", "function").key("function").begin_object();
      writer.field("name", call.name).field("arguments", call.arguments).end_object().end_object();
    }
    writer.end_array();
  }
};

class CompletionForm final : public StreamForm {
 public:
  explicit CompletionForm(AnswerFacts facts)
      : StreamForm(std::move(facts), "text_completion", "text_completion") {
    offsets_.resize(this->facts().choices);
  }

  // Clients of this form know no thoughts.
  void part(std::string& out, const TextPart& part) override {
    if (!part.reasoning) StreamForm::part(out, part);
  }
  void begin(std::string& out) override {
    if (facts().echo.empty()) return;
    for (std::uint32_t i = 0; i < facts().choices; ++i) {
      StreamForm::part(out, {.choice = i, .text = echo_of(i)});
    }
  }

 private:
  [[nodiscard]] std::string_view input() const override { return "prompt"; }
  void write_choice(json::Writer& writer, std::size_t index, const Choice& choice) override {
    std::size_t offset = 0;
    writer.begin_object().field("text", echo_of(index) + choice.text);
    writer.field("index", index).key("logprobs");
    write_completion_logprobs(writer, choice.logprobs, offset);
    writer.field("finish_reason", to_string(choice.finish)).end_object();
  }
  void write_part(json::Writer& writer, const TextPart& part) override {
    writer.begin_object().field("text", part.text).field("index", part.choice).key("logprobs");
    write_completion_logprobs(writer, part.logprobs, offsets_.at(part.choice));
    writer.key("finish_reason").null().end_object();
  }
  void write_last(json::Writer& writer, std::size_t index, FinishReason finish) override {
    writer.begin_object().field("text", "").field("index", index).key("logprobs").null();
    writer.field("finish_reason", to_string(finish)).end_object();
  }

  [[nodiscard]] std::string echo_of(std::size_t choice) const {
    const std::vector<std::string>& echo = facts().echo;
    return echo.empty() ? std::string() : echo.at(choice * echo.size() / facts().choices);
  }

  std::vector<std::size_t> offsets_;  // of each choice's text, in characters
};

}  // namespace

std::unique_ptr<generation::Form> make_chat_form(AnswerFacts facts) {
  return std::make_unique<ChatForm>(std::move(facts));
}
std::unique_ptr<generation::Form> make_completion_form(AnswerFacts facts) {
  return std::make_unique<CompletionForm>(std::move(facts));
}

}  // namespace sluice::api::openai
