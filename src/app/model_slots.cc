#include "app/model_slots.h"

#include <utility>
#include <variant>

namespace sluice::app {

std::optional<scheduling::SlotOptions> slots_of(const ModelOptions& model,
                                                const scheduling::ClassesOptions& classes,
                                                const Callable* callable) {
  const auto* llama = std::get_if<llama::LlamaOptions>(&model.backend);
  if (llama == nullptr) {
    return model.slots.transform([&](const scheduling::SlotOptions& slots) {
      return scheduling::with_classes(slots, classes);
    });
  }
  const bool encodes = callable != nullptr && callable->describe().takes == RequestKind::kEmbed;
  scheduling::SlotOptions slots = model.slots.value_or(scheduling::SlotOptions{
      .slots = encodes ? llama::kBatchTexts : llama->realtime_sequences,
      .best_effort_slots = encodes ? llama::kBatchTexts : llama->best_effort_sequences});
  slots.preemption = scheduling::Preemption::kFull;
  return scheduling::with_classes(std::move(slots), classes);
}

}  // namespace sluice::app
