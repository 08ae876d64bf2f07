#include <format>

#include "api/generation/sampling.h"
#include "api/openai/common_fields.h"

namespace sluice::api::openai {

namespace {
using simdjson::dom::element;

void read_prompt(const Fields& f, GenerateRequest& request) {
  const auto value = f.get("prompt");
  if (!value) return f.fault("prompt", "'prompt' is missing");
  std::string_view text;
  if (value->get(text) == simdjson::SUCCESS) {
    request.prompt = std::string(text);
    return;
  }
  simdjson::dom::array list;
  if (value->get(list) == simdjson::SUCCESS && list.size() == 1 &&
      list.at(0).get(text) == simdjson::SUCCESS) {
    request.prompt = std::string(text);
    return;
  }
  f.fault("prompt",
          "'prompt' must be a string: one prompt a request, and neither lists of prompts nor "
          "tokens are served");
}

void read_logprobs(const Fields& f, GenerateRequest& request) {
  const auto value = f.get("logprobs");
  if (!value || value->is_bool()) {  // some clients send what the chat form has
    if (f.get("logprobs") && f.boolean("logprobs").value_or(false)) request.logprobs = 0;
    return;
  }
  if (const auto top = f.integer("logprobs", 0, kMaxLogprobs)) {
    request.logprobs = static_cast<std::uint32_t>(*top);
  }
}

}  // namespace

generation::Read<GenerateAsked> read_completion(json::Reader& reader, std::string_view body) {
  return generation::read_object<GenerateAsked>(
      reader, body, [](const Fields& f, GenerateAsked& asked) {
        read_prompt(f, asked.request);
        read_logprobs(f, asked.request);
        read_common(f, asked);
        if (f.boolean("echo").value_or(false)) {
          f.fault("echo", "'echo' is not served: the prompt is not sent back");
        }
        if (!f.text("suffix").value_or("").empty()) {
          f.fault("suffix", "'suffix' is not served: a text is continued at its end only");
        }
        const auto best_of = f.integer("best_of", 1, kMaxChoices);
        if (best_of && *best_of != asked.request.choices) {
          f.fault("best_of", "'best_of' is not served: every choice that is made is given");
        }
      });
}

generation::Read<EmbedAsked> read_embedding(json::Reader& reader, std::string_view body) {
  return generation::read_object<EmbedAsked>(reader, body, [](const Fields& f, EmbedAsked& asked) {
    asked.model = f.text("model").value_or("");
    asked.priority = priority_of(f);
    if (!f.get("input")) f.fault("input", "'input' is missing");
    asked.request.inputs = f.texts("input", kMaxEmbedInputs).value_or(std::vector<std::string>());
    if (!f.faults().any() && asked.request.inputs.empty()) {
      f.fault("input", "'input' must have at least one text");
    }
    const std::string_view format = f.text("encoding_format").value_or("float");
    asked.base64 = format == "base64";
    if (!asked.base64 && format != "float") {
      f.fault("encoding_format", std::format("'encoding_format' must be float or base64, got '{}'",
                                             format.substr(0, 100)));
    }
    if (const auto dimensions = f.integer("dimensions", 1, 1 << 20)) {
      asked.dimensions = static_cast<std::uint32_t>(*dimensions);
    }
  });
}

}  // namespace sluice::api::openai
