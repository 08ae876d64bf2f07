#include "backends/openai/openai.h"

#include <utility>

#include "backends/openai/read.h"
#include "backends/openai/write.h"

namespace sluice::openai {

namespace {
class OpenAiDialect final : public generation_wire::Dialect {
 public:
  OpenAiDialect(std::string model, const OpenAiOptions& options)
      : model_(std::move(model)), options_(options) {}

  [[nodiscard]] std::string_view platform() const override { return "openai"; }

  [[nodiscard]] Result<generation_wire::WireCall> write(const Request& request) const override {
    auto call = [&]() -> Result<generation_wire::WireCall> {
      if (const auto* embed = std::get_if<EmbedRequest>(&request)) {
        return write_embed(*embed, model_, options_);
      }
      return write_generate(std::get<GenerateRequest>(request), model_, options_);
    }();
    if (call) call->path.insert(0, options_.path_prefix);
    return call;
  }

  [[nodiscard]] std::unique_ptr<generation_wire::AnswerReader> read(const Request& request,
                                                                    bool stream) const override {
    const auto* embed = std::get_if<EmbedRequest>(&request);
    // What comes in one text is as long as all of its parts.
    const ReadLimits limits{stream && embed == nullptr ? options_.max_event_bytes
                                                       : options_.max_answer_bytes};
    if (embed != nullptr) return read_embed(embed->inputs.size(), limits);
    return read_generate(std::get<GenerateRequest>(request), stream, limits);
  }

  [[nodiscard]] std::string models_path() const override {
    return options_.path_prefix + "/models";
  }
  [[nodiscard]] std::string loaded_path() const override { return {}; }
  [[nodiscard]] Result<bool> names_model(std::string_view body) const override {
    return openai::names_model(body, model_);
  }

 private:
  const std::string model_;
  const OpenAiOptions options_;
};

// A URL may be written with the prefix, as this API's clients want it, or without.
void trim_prefix(std::string& url, const std::string& prefix) {
  while (url.ends_with('/')) url.pop_back();
  if (!prefix.empty() && url.ends_with(prefix)) url.resize(url.size() - prefix.size());
}
}  // namespace

std::unique_ptr<const generation_wire::Dialect> make_dialect(const std::string& name,
                                                             const OpenAiOptions& options) {
  const std::string& model = options.engine_model.empty() ? name : options.engine_model;
  return std::make_unique<OpenAiDialect>(model, options);
}

Result<std::shared_ptr<generation_wire::WireModel>> make_model(
    const std::string& name, const OpenAiOptions& options, IoThreads& io, http::Resolver& resolver,
    telemetry::Instruments* instruments) {
  OpenAiOptions trimmed = options;
  for (std::string& url : trimmed.urls) trim_prefix(url, options.path_prefix);
  for (auto& engine : trimmed.engines) trim_prefix(engine.url, options.path_prefix);
  return generation_wire::WireModel::make(name, trimmed, make_dialect(name, options), io, resolver,
                                          instruments);
}

}  // namespace sluice::openai
