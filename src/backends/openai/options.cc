#include "backends/openai/options.h"

#include "backends/generation_wire/options_fields.h"

namespace sluice::openai {

void describe(config::Choices<Extensions>& c) {
  c.choice("none", Extensions::kNone, "the standard ones only")
      .choice("vllm", Extensions::kVllm, "those of vLLM as well")
      .choice("llama_cpp", Extensions::kLlamaCpp, "those of llama.cpp's server as well");
}

void describe(config::Fields<OpenAiOptions>& f) {
  using O = OpenAiOptions;
  f.about("openai", "Engines that speak OpenAI's API: vLLM, llama.cpp's server, services.");
  generation_wire::describe_wire(f);
  f.field("extensions", &O::extensions,
          "Which parameters the engines take; a call with others is refused.");
  f.field("path_prefix", &O::path_prefix,
          "Before the API's paths, unless the URL ends with it; may be empty.")
      .check([](const std::string& text) -> std::string {
        const bool good = text.empty() || (text.starts_with('/') && !text.ends_with('/'));
        return good ? "" : "empty, or a path that begins with '/' and does not end with one";
      });
  f.field("max_completion_tokens", &O::max_completion_tokens,
          "Whether the bound of a chat's answer is sent under this name, in place of max_tokens.");
}

void validate(const OpenAiOptions& o, config::Problems& p, const config::Node& at) {
  generation_wire::validate_wire(o, p, at);
}

}  // namespace sluice::openai
