// In place of load.cc in a build without llama.cpp.
#include "backends/llama/model.h"

namespace sluice::llama {

Result<LoadedModel> load_model(const std::string& /*name*/, const LlamaOptions& /*options*/,
                               const ModelServices& /*services*/, double /*best_effort_share*/) {
  return fail(unavailable("this build of Sluice is without llama.cpp (SLUICE_LLAMA=OFF)"));
}

}  // namespace sluice::llama
