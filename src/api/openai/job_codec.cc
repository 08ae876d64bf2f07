#include "api/openai/job_codec.h"

#include "api/openai/answer.h"
#include "api/openai/job_partial.h"
#include "api/openai/request.h"
#include "base/format.h"
#include "http/json/reader.h"

namespace sluice::api::openai {

namespace {

Error error_of(generation::Fault fault) {
  if (!fault.param.empty()) {
    fault.error.message = formatted("'{}': {}", fault.param, fault.error.message);
  }
  return std::move(fault.error);
}

// A text as a parser wants it: with readable bytes behind its end.
class Padded {
 public:
  explicit Padded(std::string_view text) : size_(text.size()), copy_(text) {
    copy_.append(json::kPadding, ' ');
  }
  [[nodiscard]] std::string_view view() const { return std::string_view(copy_).substr(0, size_); }

 private:
  std::size_t size_;
  std::string copy_;
};

// What one path of that API takes and answers.
struct TextPath {
  generation::Read<GenerateAsked> (*read)(json::Reader&, std::string_view);
  std::unique_ptr<generation::Form> (*make_form)(AnswerFacts);
  PartialShape partial;
  std::string_view id;  // what ids begin with
};
constexpr TextPath kChat{read_chat, make_chat_form, PartialShape::kChat, "chatcmpl"};
constexpr TextPath kCompletion{read_completion, make_completion_form, PartialShape::kCompletion,
                               "cmpl"};

class TextCodec final : public sluice::jobs::Codec {
 public:
  TextCodec(const TextPath& path, const Clock& clock) : path_(path), clock_(clock) {}

  Result<Request> decode(std::string_view input, const Description& /*callable*/) override {
    auto asked = path_.read(reader_, Padded(input).view());
    if (!asked) return fail(error_of(std::move(asked.error())));
    if (asked->prompts.size() > 1) {
      return fail(invalid("'prompt': a job has one, and a list is as many jobs"));
    }
    if (asked->echo) return fail(invalid("'echo' is not served of a job: it has its prompt"));
    asked->request.stream = false;
    return std::move(asked->request);
  }

  std::unique_ptr<sluice::jobs::PartialOutput> follow(Request& request) override {
    auto& asked = std::get<GenerateRequest>(request);
    asked.stream = true;
    return make_partial_text(path_.partial, asked);
  }

  Result<sluice::jobs::RunOutput> encode(const Response& response, const Description& callable,
                                         std::string_view job) override {
    const auto& generated = std::get<GenerateResponse>(response);
    const telemetry::GenerationTimings timings{.load = generated.times.load,
                                               .prompt = generated.times.prompt,
                                               .decode = generated.times.decode};
    sluice::jobs::RunOutput out;
    path_
        .make_form({.id = formatted("{}-{}", path_.id, job),
                    .model = callable.name,
                    .created = std::chrono::duration_cast<std::chrono::seconds>(
                                   clock_.wall().time_since_epoch())
                                   .count()})
        ->whole(out.bytes, generated, timings);
    return out;
  }

 private:
  const TextPath& path_;
  const Clock& clock_;
  json::Reader reader_;
};

class EmbedCodec final : public sluice::jobs::Codec {
 public:
  Result<Request> decode(std::string_view input, const Description& /*callable*/) override {
    auto asked = read_embedding(reader_, Padded(input).view());
    if (!asked) return fail(error_of(std::move(asked.error())));
    return std::move(asked->request);
  }

  Result<sluice::jobs::RunOutput> encode(const Response& response, const Description& callable,
                                         std::string_view /*job*/) override {
    return sluice::jobs::RunOutput{
        .bytes = embedding_json({.model = callable.name}, std::get<EmbedResponse>(response))};
  }

 private:
  json::Reader reader_;
};

}  // namespace

std::unique_ptr<sluice::jobs::Codec> make_generate_codec(const Clock& clock) {
  return std::make_unique<TextCodec>(kChat, clock);
}
std::unique_ptr<sluice::jobs::Codec> make_complete_codec(const Clock& clock) {
  return std::make_unique<TextCodec>(kCompletion, clock);
}
std::unique_ptr<sluice::jobs::Codec> make_embed_codec() {
  return std::make_unique<EmbedCodec>();
}

}  // namespace sluice::api::openai
