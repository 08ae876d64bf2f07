#include "backends/ollama/options.h"

#include "backends/generation_wire/options_fields.h"

namespace sluice::ollama {

void describe(config::Fields<OllamaOptions>& f) {
  f.about("ollama", "Engines that speak Ollama's API.");
  generation_wire::describe_wire(f);
}

void validate(const OllamaOptions& o, config::Problems& p, const config::Node& at) {
  generation_wire::validate_wire(o, p, at);
}

}  // namespace sluice::ollama
