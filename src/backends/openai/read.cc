#include "backends/openai/read.h"

#include <string>

#include "backends/generation_wire/builder.h"
#include "backends/generation_wire/error.h"
#include "backends/generation_wire/json_get.h"
#include "backends/generation_wire/sse.h"
#include "backends/generation_wire/whole_answer.h"
#include "backends/openai/chunk.h"
#include "base/format.h"
#include "http/json/reader.h"

namespace sluice::openai {

namespace {
using generation_wire::Answer;
using generation_wire::AnswerBuilder;
using generation_wire::get;
using generation_wire::get_any;
using generation_wire::unreadable;
using simdjson::dom::element;

class GenerateReader final : public generation_wire::AnswerReader {
 public:
  GenerateReader(const GenerateRequest& request, bool stream, std::size_t most)
      : stream_(stream), most_(most), events_(most), answer_(request) {}

  Result<> feed(std::string_view bytes, std::vector<TextPart>& parts) override {
    if (!stream_) {
      whole_ += bytes;
      if (whole_.size() <= most_) return {};
      return fail(unreadable(formatted("it is over {} bytes", most_)));
    }
    events_.feed(bytes);
    return take_events(parts);
  }
  [[nodiscard]] bool started() const override { return answer_.started(); }
  [[nodiscard]] std::size_t heard() const override { return heard_; }
  [[nodiscard]] bool complete() const override { return done_; }

  Result<Answer> end(std::vector<TextPart>& parts) override {
    auto taken = stream_ ? take_last(parts) : take(whole_, parts);
    if (!taken) return fail(std::move(taken.error()));
    const bool timed = answer_.times_told;
    auto response = answer_.take(done_ || !stream_);
    if (!response) return fail(std::move(response.error()));
    if (!done_ && !saw_chunk_) return fail(unreadable("it is empty"));
    return Answer{std::move(*response), timed};
  }

 private:
  Result<> take_last(std::vector<TextPart>& parts) {
    events_.end();
    return take_events(parts);
  }
  Result<> take_events(std::vector<TextPart>& parts) {
    while (!done_) {
      const auto event = events_.next();
      if (!event) return fail(unreadable(event.error().message));
      if (!*event) break;
      if (auto taken = take((*event)->data, parts); !taken) return taken;
    }
    return {};
  }
  Result<> take(std::string_view json, std::vector<TextPart>& parts) {
    if (json.find_first_not_of(" \t\r\n") == std::string_view::npos && stream_) return {};
    ++heard_;
    if (json.starts_with("[DONE]")) {
      done_ = true;
      return {};
    }
    const auto chunk = reader_.parse_copy(json);
    if (!chunk) return fail(unreadable(chunk.error().message));
    saw_chunk_ = true;
    return take_chunk(*chunk, answer_, parts);
  }

  const bool stream_;
  const std::size_t most_;
  generation_wire::SseParser events_;
  std::string whole_;
  json::Reader reader_;
  AnswerBuilder answer_;
  std::size_t heard_ = 0;  // events
  bool done_ = false;
  bool saw_chunk_ = false;
};

Result<Answer> read_vectors(const element& root, std::size_t inputs) {
  const auto data = get<simdjson::dom::array>(root, "data");
  if (!data) return fail(unreadable("it has no data"));
  EmbedResponse response;
  response.vectors.resize(inputs);
  std::size_t place = 0;
  for (const element entry : *data) {
    const auto index = get<std::uint64_t>(entry, "index").value_or(place++);
    if (index >= inputs || !response.vectors[index].empty()) {
      return fail(unreadable(formatted("it has a vector {} for {} texts", index, inputs)));
    }
    const auto list = get_any(entry, "embedding");
    if (!list) return fail(unreadable("it has data without an embedding"));
    auto vector = generation_wire::read_vector(*list);
    if (!vector) return fail(std::move(vector.error()));
    response.vectors[index] = std::move(*vector);
  }
  for (const auto& vector : response.vectors) {
    if (vector.empty()) return fail(unreadable("it has fewer vectors than there were texts"));
  }
  if (const auto usage = get_any(root, "usage")) {
    response.prompt_tokens = generation_wire::get_count(*usage, "prompt_tokens");
  }
  return Answer{std::move(response), false};
}
}  // namespace

std::unique_ptr<generation_wire::AnswerReader> read_generate(const GenerateRequest& request,
                                                             bool stream, ReadLimits limits) {
  return std::make_unique<GenerateReader>(request, stream, limits.event_bytes);
}

std::unique_ptr<generation_wire::AnswerReader> read_embed(std::size_t inputs, ReadLimits limits) {
  return std::make_unique<generation_wire::WholeAnswer>(
      limits.event_bytes, [inputs](const element& root) { return read_vectors(root, inputs); });
}

Result<bool> names_model(std::string_view body, std::string_view model) {
  json::Reader reader;
  const auto root = reader.parse_copy(body);
  if (!root) return fail(unreadable(root.error().message));
  const auto data = get<simdjson::dom::array>(*root, "data");
  if (!data) return fail(unreadable("it has no data"));
  for (const element entry : *data) {
    if (generation_wire::get_text(entry, "id") == model) return true;
  }
  return false;
}

}  // namespace sluice::openai
