#include <algorithm>

#include "backends/llama/embed_engine.h"
#include "backends/llama/encoder.h"
#include "backends/llama/engine.h"
#include "backends/llama/llama_context.h"
#include "backends/llama/llama_text.h"
#include "backends/llama/model.h"
#include "backends/llama/weights.h"
#include "base/thread_name.h"
#include "runtime/thread_class.h"

namespace sluice::llama {

namespace {

Description describe_model(const std::string& name, const Weights& weights,
                           const LlamaOptions& options, std::uint32_t context, bool split) {
  const ModelFacts& facts = weights.facts();
  Description description{.name = name,
                          .takes = facts.encodes ? RequestKind::kEmbed : RequestKind::kGenerate,
                          .platform = "llama_cpp",
                          .version = "1",
                          .properties = {}};
  auto& facts_of = description.properties;
  facts_of["description"] = facts.description;
  facts_of["architecture"] = facts.architecture;
  facts_of["quantization"] = facts.quantization;
  facts_of["parameters"] = static_cast<std::int64_t>(facts.parameters);
  facts_of["size"] = static_cast<std::int64_t>(facts.bytes);
  facts_of["context"] = static_cast<std::int64_t>(context);
  facts_of["chat_template"] = facts.chat_template;
  facts_of["embedding_length"] = static_cast<std::int64_t>(facts.embedding);
  facts_of["modified"] = facts.modified;
  facts_of[std::string(kSharingProperty)] = std::string(split ? "split" : "shared");
  if (!facts.encodes) {
    const TemplateFacts able = facts_of_template(weights, options.chat_template);
    facts_of["tools"] = able.tools;
    facts_of["reasoning"] = able.reasoning;
  }
  return description;
}

std::uint32_t context_for(const LlamaOptions& options, const ModelFacts& facts) {
  if (options.context != 0) return options.context;
  return facts.trained_context == 0 ? kDefaultContext
                                    : std::min(facts.trained_context, kDefaultContext);
}

Result<> check_sharing(bool split) {
  if (!split || can_run_when_idle()) return {};
  return fail(
      invalid("'sharing: split' wants SCHED_IDLE, which this machine does not allow; "
              "take 'shared'"));
}

// Of memory; an encoder's contexts keep nothing.
std::uint64_t bytes_of(const LlamaOptions& options, const ModelFacts& facts) {
  const std::uint64_t sequences = options.realtime_sequences + options.best_effort_sequences;
  const std::uint64_t kept =
      facts.encodes ? 0 : sequences * context_for(options, facts) * facts.context_bytes_a_token;
  return facts.bytes + kept;
}

// The engines of a model. Best effort's thread gives way to everybody.
struct Loader {
  using Made = Result<std::unique_ptr<CallTaker>>;

  const std::string& name;
  const LlamaOptions& options;
  std::shared_ptr<const Weights> weights;
  const ModelServices& services;
  telemetry::EngineMetricsByClass metrics;
  bool split;
  double best_effort_share;

  [[nodiscard]] std::uint32_t context() const { return context_for(options, weights->facts()); }
  [[nodiscard]] static std::function<void()> prepare(ContextRole role) {
    if (role != ContextRole::kBestEffort) return [] { name_this_thread("sluice-llm"); };
    return [] {
      name_this_thread("sluice-llm-idle");
      run_when_idle();
    };
  }

  [[nodiscard]] Made writer(ContextRole role) const {
    std::uint32_t sequences = 0;
    if (role != ContextRole::kBestEffort) sequences += options.realtime_sequences;
    if (role != ContextRole::kRealtime) sequences += options.best_effort_sequences;
    auto prompter = make_prompter(weights, options.chat_template);
    if (!prompter) return fail(std::move(prompter.error()));
    auto opened = open_context(weights, {.sequences = sequences,
                                         .length = context(),
                                         .step_tokens = options.step_tokens,
                                         .threads = options.threads,
                                         .role = role,
                                         .crowd = services.crowd});
    if (!opened) return fail(std::move(opened.error()));
    const DriverOptions driver{.step_tokens = options.step_tokens,
                               .shared = !split,
                               .realtime_wait = options.realtime_wait,
                               .best_effort_share = best_effort_share};
    return std::make_unique<Engine>(
        EngineOptions{.model = name, .driver = driver, .metrics = metrics}, std::move(*opened),
        std::move(*prompter), services.clock, prepare(role));
  }

  [[nodiscard]] Made encoder(ContextRole role) const {
    auto opened = open_encoder(weights, {.batch_tokens = std::max(options.step_tokens, context()),
                                         .threads = options.threads,
                                         .role = role,
                                         .crowd = services.crowd});
    if (!opened) return fail(std::move(opened.error()));
    return std::make_unique<EmbedEngine>(
        EmbedOptions{.model = name, .best_effort_share = best_effort_share, .metrics = metrics},
        std::move(*opened), services.clock, prepare(role));
  }
};

}  // namespace

Result<ModelPlan> plan_model(const std::string& name, const LlamaOptions& options) {
  const bool split = !shares_context(options);
  if (auto ok = check_sharing(split); !ok) return fail(std::move(ok.error()));
  auto weights = Weights::load(options.path, options.gpu_layers, WeightsPart::kFacts);
  if (!weights) return fail(std::move(weights.error()));
  const ModelFacts& facts = (*weights)->facts();
  return ModelPlan{describe_model(name, **weights, options, context_for(options, facts), split),
                   bytes_of(options, facts)};
}

Result<std::shared_ptr<LanguageModel>> load_model(const std::string& name,
                                                  const LlamaOptions& options,
                                                  const ModelServices& services,
                                                  double best_effort_share) {
  const bool split = !shares_context(options);
  if (auto ok = check_sharing(split); !ok) return fail(std::move(ok.error()));
  auto weights = Weights::load(options.path, options.gpu_layers);
  if (!weights) return fail(std::move(weights.error()));
  const Loader loader{name,
                      options,
                      *weights,
                      services,
                      telemetry::engine_metrics(services.metrics, name),
                      split,
                      best_effort_share};
  const bool encodes = (*weights)->facts().encodes;
  const auto start = [&](ContextRole role) {
    return encodes ? loader.encoder(role) : loader.writer(role);
  };
  auto realtime = start(split ? ContextRole::kRealtime : ContextRole::kBoth);
  if (!realtime) return fail(std::move(realtime.error()));
  std::unique_ptr<CallTaker> best_effort;
  if (split) {
    auto made = start(ContextRole::kBestEffort);
    if (!made) return fail(std::move(made.error()));
    best_effort = std::move(*made);
  }
  return std::make_shared<LanguageModel>(
      describe_model(name, **weights, options, loader.context(), split), std::move(*realtime),
      std::move(best_effort));
}

}  // namespace sluice::llama
