
#include "api/generation/prompt_list.h"
#include "api/generation/sampling.h"
#include "api/openai/common_fields.h"
#include "base/format.h"

namespace sluice::api::openai {

namespace {
using simdjson::dom::element;

constexpr std::uint32_t kDefaultTokens = 16;

bool has_tokens(const element& input) {
  simdjson::dom::array list;
  if (input.get(list) != simdjson::SUCCESS || list.size() == 0) return false;
  const element first = list.at(0).value();
  return first.is_number() || first.is_array();
}

void read_prompt(const Fields& f, GenerateAsked& asked) {
  const auto value = f.get("prompt");
  if (!value) return f.fault("prompt", "'prompt' is missing");
  if (has_tokens(*value)) {
    return f.fault("prompt",
                   "'prompt' has numbers of tokens, which mean another text to every model: send "
                   "the texts");
  }
  auto prompts = f.texts("prompt", generation::kMaxPrompts);
  if (!prompts) return;
  if (prompts->empty()) return f.fault("prompt", "'prompt' must have at least one text");
  asked.request.prompt = prompts->front();
  asked.prompts = std::move(*prompts);
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
        read_prompt(f, asked);
        read_logprobs(f, asked.request);
        read_common(f, asked);
        // What this API has had from its beginning; -1 is no bound, all the same.
        if (!f.get("max_tokens") && !f.get("max_completion_tokens")) {
          asked.request.max_tokens = kDefaultTokens;
        }
        asked.echo = f.boolean("echo").value_or(false);
        if (asked.echo && asked.request.logprobs) {
          f.fault("echo", "'echo' is not served with 'logprobs': those of a prompt are not known");
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
    const auto input = f.get("input");
    if (!input) f.fault("input", "'input' is missing");
    if (input && has_tokens(*input)) {
      f.fault("input",
              "'input' has numbers of tokens, which mean another text to every model: send the "
              "texts (LangChain's OpenAIEmbeddings does with check_embedding_ctx_length=False)");
    }
    asked.request.inputs = f.texts("input", kMaxEmbedInputs).value_or(std::vector<std::string>());
    if (!f.faults().any() && asked.request.inputs.empty()) {
      f.fault("input", "'input' must have at least one text");
    }
    const std::string_view format = f.text("encoding_format").value_or("float");
    asked.base64 = format == "base64";
    if (!asked.base64 && format != "float") {
      f.fault("encoding_format", formatted("'encoding_format' must be float or base64, got '{}'",
                                           format.substr(0, 100)));
    }
    if (const auto dimensions = f.integer("dimensions", 1, 1 << 20)) {
      asked.dimensions = static_cast<std::uint32_t>(*dimensions);
    }
  });
}

}  // namespace sluice::api::openai
