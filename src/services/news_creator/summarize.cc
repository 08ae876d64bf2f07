#include "services/news_creator/summarize.h"

#include "api/generation/sampling.h"
#include "api/generation/timings.h"
#include "api/ollama/answer.h"
#include "base/format.h"
#include "http/json/writer.h"

namespace sluice::news_creator {

namespace {

using api::generation::Fields;

constexpr std::size_t kMaxArticleId = 256;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

class SummarizeForm final : public api::generation::Form {
 public:
  explicit SummarizeForm(std::string article_id) : article_id_(std::move(article_id)) {}

  void refuse(http::Exchange& exchange, const Error& error) override {
    api::ollama::answer_error(exchange, api::ollama::Dialect::kNewsCreator, error);
  }

  void whole(std::string& out, const GenerateResponse& response,
             const telemetry::GenerationTimings& timings) override {
    json::Writer writer(out);
    writer.begin_object()
        .field("success", true)
        .field("article_id", article_id_)
        .field("summary", response.choices.empty() ? "" : trimmed(response.choices.front().text))
        .field("model", response.model)
        .field("prompt_tokens", response.usage.prompt_tokens)
        .field("completion_tokens", response.usage.completion_tokens)
        .field("total_duration_ms", to_ms(timings.total()))
        .key("timings");
    api::generation::append_timings(out, timings);
    writer.end_object();
  }

  [[nodiscard]] std::string_view stream_type() const override { return "text/event-stream"; }
  [[nodiscard]] std::string_view heartbeat() const override { return ": heartbeat\n\n"; }
  void part(std::string& out, const TextPart& part) override {
    if (part.reasoning) return;  // it is no part of the summary
    out += "data: ";
    json::append_string(out, part.text);
    out += "\n\n";
  }
  // In a comment: every event here is a piece of the summary.
  void end(std::string& out, const GenerateResponse&,
           const telemetry::GenerationTimings& timings) override {
    out += ": timings ";
    api::generation::append_timings(out, timings);
    out += "\n\n";
  }
  void broken(std::string& out, const Error& error) override {
    out += "event: error\ndata: ";
    out += api::ollama::error_json(error.message);
    out += "\n\n";
  }

 private:
  const std::string article_id_;
};

}  // namespace

api::generation::Read<SummarizeAsked> read_summarize(json::Reader& reader, std::string_view body) {
  const auto fill = [](const Fields& f, SummarizeAsked& asked) {
    asked = {.article_id = std::string(f.needed_text("article_id")),
             .content = std::string(f.needed_text("content")),
             .stream = f.boolean("stream").value_or(false),
             .priority = api::generation::read_priority(f)};
    if (asked.article_id.empty() || asked.article_id.size() > kMaxArticleId) {
      f.fault("article_id", formatted("'article_id' must have from 1 to {} bytes, got {}",
                                      kMaxArticleId, asked.article_id.size()));
    }
  };
  return api::generation::read_object<SummarizeAsked>(reader, body, fill);
}

std::unique_ptr<api::generation::Form> make_summarize_form(std::string article_id) {
  return std::make_unique<SummarizeForm>(std::move(article_id));
}

}  // namespace sluice::news_creator
