// In place of load.cc in a build without llama.cpp.
#include "backends/llama/model.h"

namespace sluice::llama {

namespace {
Error absent() {
  return unavailable("this build of Sluice is without llama.cpp (SLUICE_LLAMA=OFF)");
}
}  // namespace

Result<ModelPlan> plan_model(const std::string& /*name*/, const LlamaOptions& /*options*/) {
  return fail(absent());
}

Result<std::shared_ptr<LanguageModel>> load_model(const std::string& /*name*/,
                                                  const LlamaOptions& /*options*/,
                                                  const ModelServices& /*services*/,
                                                  double /*best_effort_share*/) {
  return fail(absent());
}

}  // namespace sluice::llama
