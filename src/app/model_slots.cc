#include "app/model_slots.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "backends/llama/model.h"
#include "base/format.h"

namespace sluice::app {

namespace {

// What a language model of this process computes side by side.
struct Places {
  std::size_t realtime;
  std::size_t best_effort;
};
Places places_of(const llama::LlamaOptions& model, const Callable* callable) {
  const bool encodes = callable != nullptr && callable->describe().takes == RequestKind::kEmbed;
  if (encodes) return {llama::kBatchTexts, llama::kBatchTexts};
  return {model.realtime_sequences, model.best_effort_sequences};
}

// What is reserved of a few slots is best effort's loss, whose own are the others.
scheduling::SlotOptions preempting(scheduling::SlotOptions slots) {
  if (slots.reserved && !slots.best_effort_slots) {
    slots.best_effort_slots = slots.slots - std::min(slots.slots - 1, *slots.reserved);
  }
  slots.reserved.reset();
  slots.preemption = scheduling::Preemption::kFull;
  return slots;
}

// As many as the engines have, so that who waits does so here, where the classes have their orders
// and their shares.
scheduling::SlotOptions slots_of_engines(const generation_wire::WireOptions& wire) {
  scheduling::SlotOptions made{.slots = 0, .reserved = 0, .depth = wire.max_waiting};
  std::size_t for_all = 0;
  for (const generation_wire::EngineOptions& engine : wire.all_engines()) {
    made.slots += engine.slots;
    *made.reserved += engine.reserved_slots();
    if (!engine.best_effort_only) for_all += engine.slots;
  }
  if (for_all > 0) made.realtime_slots = for_all;
  return made;
}

}  // namespace

const generation_wire::WireOptions* wire_options(const ModelOptions& model) {
  if (const auto* openai = std::get_if<openai::OpenAiOptions>(&model.backend)) return openai;
  return std::get_if<ollama::OllamaOptions>(&model.backend);
}

std::optional<scheduling::SlotOptions> slots_of(const ModelOptions& model,
                                                const scheduling::ClassesOptions& classes,
                                                const Callable* callable) {
  const auto with_classes = [&](scheduling::SlotOptions slots) {
    return scheduling::with_classes(std::move(slots), classes);
  };
  if (const auto* llama = std::get_if<llama::LlamaOptions>(&model.backend)) {
    const Places places = places_of(*llama, callable);
    auto slots = with_classes(preempting(model.slots.value_or(scheduling::SlotOptions{
        .slots = places.realtime, .best_effort_slots = places.best_effort})));
    // The engine gives it by steps, and nobody is to be held back for it once more.
    if (llama::shares_context(*llama)) slots.best_effort.share = 0;
    return slots;
  }
  if (model.slots) return with_classes(*model.slots);
  const auto* wire = wire_options(model);
  return wire == nullptr ? std::nullopt : std::optional(with_classes(slots_of_engines(*wire)));
}

double best_effort_share_of(const ModelOptions& model, const scheduling::ClassesOptions& classes) {
  return scheduling::with_classes(model.slots.value_or(scheduling::SlotOptions()), classes)
      .best_effort.share;
}

void check_slots(const ModelOptions& model, const Callable* callable, config::Problems& problems) {
  const auto* llama = std::get_if<llama::LlamaOptions>(&model.backend);
  if (llama == nullptr || !model.slots || callable == nullptr) return;
  const Places places = places_of(*llama, callable);
  const scheduling::SlotOptions slots = preempting(*model.slots);
  const auto check = [&](std::string_view name, std::size_t wanted, std::size_t has,
                         std::string_view which) {
    if (wanted <= has) return;
    problems.add(model.slots->where.near(name),
                 formatted("'{}' computes {} {} calls side by side, {} would wait inside of it: "
                           "see {}_sequences",
                           callable->describe().name, has, which, wanted - has, which));
  };
  check("slots", slots.slots, places.realtime, "realtime");
  check("best_effort_slots", slots.most_of(ServiceClass::kBestEffort), places.best_effort,
        "best_effort");
}

}  // namespace sluice::app
