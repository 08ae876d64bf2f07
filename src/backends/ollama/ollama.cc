#include "backends/ollama/ollama.h"

#include <utility>

#include "backends/ollama/read.h"
#include "backends/ollama/write.h"

namespace sluice::ollama {

namespace {
class OllamaDialect final : public generation_wire::Dialect {
 public:
  OllamaDialect(std::string model, const OllamaOptions& options)
      : model_(std::move(model)),
        event_bytes_(options.max_event_bytes),
        answer_bytes_(options.max_answer_bytes) {}

  [[nodiscard]] std::string_view platform() const override { return "ollama"; }

  [[nodiscard]] Result<generation_wire::WireCall> write(const Request& request) const override {
    if (const auto* embed = std::get_if<EmbedRequest>(&request)) return write_embed(*embed, model_);
    return write_generate(std::get<GenerateRequest>(request), model_);
  }

  [[nodiscard]] std::unique_ptr<generation_wire::AnswerReader> read(const Request& request,
                                                                    bool stream) const override {
    if (const auto* embed = std::get_if<EmbedRequest>(&request)) {
      return read_embed(embed->inputs.size(), {answer_bytes_});
    }
    return read_generate(std::get<GenerateRequest>(request),
                         {stream ? event_bytes_ : answer_bytes_});
  }

  [[nodiscard]] std::string models_path() const override { return "/api/tags"; }
  [[nodiscard]] std::string loaded_path() const override { return "/api/ps"; }
  [[nodiscard]] Result<bool> names_model(std::string_view body) const override {
    return ollama::names_model(body, model_);
  }

 private:
  const std::string model_;
  const std::size_t event_bytes_;
  const std::size_t answer_bytes_;
};
}  // namespace

std::unique_ptr<const generation_wire::Dialect> make_dialect(const std::string& name,
                                                             const OllamaOptions& options) {
  const std::string& model = options.engine_model.empty() ? name : options.engine_model;
  return std::make_unique<OllamaDialect>(model, options);
}

Result<std::shared_ptr<generation_wire::WireModel>> make_model(
    const std::string& name, const OllamaOptions& options, IoThreads& io, http::Resolver& resolver,
    telemetry::Instruments* instruments) {
  return generation_wire::WireModel::make(name, options, make_dialect(name, options), io, resolver,
                                          instruments);
}

}  // namespace sluice::ollama
