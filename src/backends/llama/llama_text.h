// Prompts to tokens, by a model's own vocabulary and chat template, with llama.cpp's common
// library.
#pragma once

#include <memory>
#include <string>

#include "backends/llama/ports.h"
#include "backends/llama/weights.h"

namespace sluice::llama {

// kInvalid when `chat_template` (Jinja; empty: the model's own) is not one.
Result<std::unique_ptr<Prompter>> make_prompter(std::shared_ptr<const Weights> weights,
                                                const std::string& chat_template);
// What that template has the model do.
struct TemplateFacts {
  bool tools = false;      // it tells of tools
  bool reasoning = false;  // it can have the model think first, or not
};
TemplateFacts facts_of_template(const Weights& weights, const std::string& chat_template);

}  // namespace sluice::llama
