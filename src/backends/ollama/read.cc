#include "backends/ollama/read.h"

#include <algorithm>
#include <string>

#include "backends/generation_wire/builder.h"
#include "backends/generation_wire/error.h"
#include "backends/generation_wire/json_get.h"
#include "backends/generation_wire/lines.h"
#include "backends/generation_wire/whole_answer.h"
#include "base/format.h"
#include "http/json/reader.h"

namespace sluice::ollama {

namespace {
using generation_wire::Answer;
using generation_wire::AnswerBuilder;
using generation_wire::get;
using generation_wire::get_any;
using generation_wire::get_count;
using generation_wire::get_text;
using generation_wire::unreadable;
using simdjson::dom::element;

constexpr std::int64_t kMaxNanoseconds = std::int64_t{1} << 60;

Duration nanoseconds(const element& object, std::string_view key) {
  return Duration(
      std::clamp<std::int64_t>(get<std::int64_t>(object, key).value_or(0), 0, kMaxNanoseconds));
}

class GenerateReader final : public generation_wire::AnswerReader {
 public:
  GenerateReader(const GenerateRequest& request, std::size_t most)
      : lines_(generation_wire::LineEnd::kLf, most), answer_(request) {}

  Result<> feed(std::string_view bytes, std::vector<TextPart>& parts) override {
    lines_.feed(bytes);
    return take_lines(parts);
  }
  [[nodiscard]] bool started() const override { return answer_.started(); }
  [[nodiscard]] std::size_t heard() const override { return heard_; }
  [[nodiscard]] bool complete() const override { return done_; }

  Result<Answer> end(std::vector<TextPart>& parts) override {
    lines_.end();
    if (auto taken = take_lines(parts); !taken) return fail(std::move(taken.error()));
    const bool timed = answer_.times_told;
    auto response = answer_.take(done_);
    if (!response) return fail(std::move(response.error()));
    return Answer{std::move(*response), timed};
  }

 private:
  Result<> take_lines(std::vector<TextPart>& parts) {
    while (!done_) {
      const auto line = lines_.next();
      if (!line) return fail(unreadable(line.error().message));
      if (!*line) break;
      if ((*line)->find_first_not_of(" \t\r") == std::string_view::npos) continue;
      ++heard_;
      const auto root = reader_.parse_copy(**line);
      if (!root) return fail(unreadable(root.error().message));
      if (auto taken = take(*root, parts); !taken) return taken;
    }
    return {};
  }

  Result<> take(const element& line, std::vector<TextPart>& parts) {
    if (!line.is_object()) return fail(unreadable("a line is no object"));
    if (auto error = generation_wire::error_in(line)) return fail(std::move(*error));
    const auto message = get_any(line, "message");
    const element& from = message ? *message : line;
    answer_.add_reasoning(0, get_text(from, "thinking"), parts);
    const auto logprobs = get_any(line, "logprobs");
    answer_.add_text(
        0, get_text(from, message ? "content" : "response"),
        logprobs ? generation_wire::read_logprobs(*logprobs) : std::vector<TokenLogprob>{}, parts);
    if (const auto calls = get<simdjson::dom::array>(from, "tool_calls")) {
      for (const element call : *calls) {
        if (auto taken = take_tool(call); !taken) return taken;
      }
    }
    if (get<bool>(line, "done").value_or(false)) take_last(line);
    return {};
  }

  // Each call is whole; its arguments are an object.
  Result<> take_tool(const element& call) {
    const auto function = get_any(call, "function");
    if (!function) return fail(unreadable("a tool's call has no function"));
    std::string arguments;
    if (const auto given = get_any(*function, "arguments")) {
      std::string_view text;
      arguments = given->get(text) == simdjson::SUCCESS ? text : simdjson::minify(*given);
    }
    return answer_.add_tool(0, answer_.tools(0), get_text(call, "id"), get_text(*function, "name"),
                            arguments);
  }

  void take_last(const element& line) {
    done_ = true;
    const std::string_view reason = get_text(line, "done_reason");
    answer_.finish(0, reason == "length" ? FinishReason::kLength : FinishReason::kStop);
    if (get_any(line, "eval_count") || get_any(line, "prompt_eval_count")) {
      answer_.usage_told = true;
      answer_.usage.prompt_tokens = get_count(line, "prompt_eval_count");
      answer_.usage.completion_tokens = get_count(line, "eval_count");
    }
    if (get_any(line, "eval_duration")) {
      answer_.times_told = true;
      answer_.times.load = nanoseconds(line, "load_duration");
      answer_.times.prompt = nanoseconds(line, "prompt_eval_duration");
      answer_.times.decode = nanoseconds(line, "eval_duration");
    }
  }

  generation_wire::Lines lines_;
  json::Reader reader_;
  AnswerBuilder answer_;
  std::size_t heard_ = 0;  // lines
  bool done_ = false;
};

Result<Answer> read_vectors(const element& root, std::size_t inputs) {
  const auto vectors = get<simdjson::dom::array>(root, "embeddings");
  if (!vectors) return fail(unreadable("it has no embeddings"));
  EmbedResponse response;
  for (const element list : *vectors) {
    auto vector = generation_wire::read_vector(list);
    if (!vector) return fail(std::move(vector.error()));
    response.vectors.push_back(std::move(*vector));
  }
  if (response.vectors.size() != inputs) {
    return fail(
        unreadable(formatted("it has {} vectors for {} texts", response.vectors.size(), inputs)));
  }
  response.prompt_tokens = get_count(root, "prompt_eval_count");
  const bool timed = get_any(root, "total_duration").has_value();
  response.times.load = nanoseconds(root, "load_duration");
  response.times.prompt =
      std::max(nanoseconds(root, "total_duration") - response.times.load, Duration{});
  return Answer{std::move(response), timed};
}

bool has_tag(std::string_view name) {
  const auto slash = name.rfind('/');
  return name.find(':', slash == std::string_view::npos ? 0 : slash) != std::string_view::npos;
}
}  // namespace

std::unique_ptr<generation_wire::AnswerReader> read_generate(const GenerateRequest& request,
                                                             ReadLimits limits) {
  return std::make_unique<GenerateReader>(request, limits.line_bytes);
}

std::unique_ptr<generation_wire::AnswerReader> read_embed(std::size_t inputs, ReadLimits limits) {
  return std::make_unique<generation_wire::WholeAnswer>(
      limits.line_bytes, [inputs](const element& root) { return read_vectors(root, inputs); });
}

Result<bool> names_model(std::string_view body, std::string_view model) {
  json::Reader reader;
  const auto root = reader.parse_copy(body);
  if (!root) return fail(unreadable(root.error().message));
  const auto models = get<simdjson::dom::array>(*root, "models");
  if (!models) return fail(unreadable("it has no models"));
  const auto full = [](std::string_view name) {
    return has_tag(name) ? std::string(name) : std::string(name) + ":latest";
  };
  const std::string wanted = full(model);
  for (const element entry : *models) {
    for (const char* key : {"name", "model"}) {
      const std::string_view name = get_text(entry, key);
      if (!name.empty() && full(name) == wanted) return true;
    }
  }
  return false;
}

}  // namespace sluice::ollama
