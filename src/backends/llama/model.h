// A language model of this process as a callable.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "backends/llama/crowd.h"
#include "backends/llama/engine_call.h"
#include "backends/llama/options.h"
#include "backends/llama/share_owed.h"
#include "inference/callable.h"
#include "telemetry/metrics.h"

namespace sluice::llama {

// Which engine takes a call: realtime and best effort have one each, or share one. Thread-safe; the
// engines end with it, so it goes on a thread that may wait for them.
class LanguageModel final : public Callable {
 public:
  // `best_effort` is null where both classes share the first.
  LanguageModel(Description description, std::unique_ptr<CallTaker> realtime,
                std::unique_ptr<CallTaker> best_effort);
  ~LanguageModel() override;

  [[nodiscard]] const Description& describe() const override { return description_; }
  [[nodiscard]] Placement placement(const Request& /*request*/) const override { return {}; }
  CancelHandle start(const Call& call, RequestPtr request, Sink& sink) override;

 private:
  const Description description_;
  const std::unique_ptr<CallTaker> realtime_;
  const std::unique_ptr<CallTaker> best_effort_;
};

// What the models of a process share; all of it outlives them.
struct ModelServices {
  const Clock& clock;
  telemetry::Metrics& metrics;
  std::shared_ptr<Crowd> crowd = std::make_shared<Crowd>();
};

// A model before it is loaded.
struct ModelPlan {
  Description description;
  std::uint64_t bytes = 0;  // of memory that it will take: weights and contexts, about
};

// The property of a loaded model that says how its classes live side by side: "split", or "shared"
// where one context serves both, and its driver gives best effort its share.
inline constexpr std::string_view kSharingProperty = "sharing";

// Whether both classes have one context on this machine.
bool shares_context(const LlamaOptions& options);

// What the file says of itself; none of its weights are read. Fails as load_model() does, as far as
// it shows from that.
Result<ModelPlan> plan_model(const std::string& name, const LlamaOptions& options);

// Loads the file and starts the engines; blocks until that is done. The error says which file, or
// which option, and why. Without llama.cpp in this build: kUnavailable. `best_effort_share` is of
// the engine's time, where the context is shared and realtime never ends.
Result<std::shared_ptr<LanguageModel>> load_model(const std::string& name,
                                                  const LlamaOptions& options,
                                                  const ModelServices& services,
                                                  double best_effort_share = kBestEffortShare);

}  // namespace sluice::llama
