
#include "api/generation/sampling.h"
#include "api/ollama/options.h"
#include "base/format.h"

namespace sluice::api::ollama {

namespace {
using simdjson::dom::element;

// Older clients call it the name.
std::string needed_model(const Fields& f) {
  std::string model(f.text("model").value_or(""));
  if (model.empty()) model = f.text("name").value_or("");
  if (model.empty()) f.fault("model", "model is required");
  return model;
}

// `logprobs`, and `top_logprobs` beside each.
void read_logprobs(const Fields& f, GenerateRequest& request) {
  const bool wanted = f.boolean("logprobs").value_or(false);
  const auto top = f.integer("top_logprobs", 0, kMaxLogprobs);
  if (wanted) request.logprobs = static_cast<std::uint32_t>(top.value_or(0));
}

// `think`: yes or no, or how much.
void read_think(const Fields& f, GenerateRequest& request) {
  const auto value = f.get("think");
  if (!value) return;
  if (value->is_bool()) {
    request.reasoning =
        f.boolean("think").value_or(false) ? ReasoningEffort::kAsItLikes : ReasoningEffort::kNone;
    return;
  }
  request.reasoning = generation::read_effort(f, "think");
}

void read_common(const Fields& f, GenerateAsked& asked) {
  asked.model = f.text("model").value_or("");
  const auto stream = f.boolean("stream");
  asked.request.stream = stream.value_or(true);
  asked.says_stream = stream.value_or(false);
  asked.request.max_tokens_is_a_ceiling = true;
  asked.request.keep_alive = read_keep_alive(f);
  asked.request.constraint = read_format(f);
  asked.priority = generation::read_priority(f);
  read_options(f, asked);
  read_logprobs(f, asked.request);
  read_think(f, asked.request);
}

void ask_to_load(GenerateAsked& asked) {
  asked.load = true;
  asked.request.messages.clear();
  asked.request.prompt = " ";  // an engine wants at least one token to read
  asked.request.max_tokens = 0;
}

// A text that would be silently other than the client has it, if it were ignored.
void refuse_text(const Fields& f, std::string_view name, std::string_view why) {
  if (!f.text(name).value_or("").empty()) generation::refuse(f, name, why);
}

ChatMessage read_message(const Fields& f) {
  const std::string_view role = f.needed_text("role");
  if (role != "system" && role != "user" && role != "assistant" && role != "tool") {
    f.fault("role", formatted("'{}' must be system, user, assistant or tool, got '{}'",
                              f.path_of("role"), role.substr(0, 100)));
  }
  refuse_images(f);
  return {.role = std::string(role),
          .content = std::string(f.text("content").value_or("")),
          .tool_calls = generation::read_tool_calls(f),
          .tool_call_id = std::string(f.text("tool_call_id").value_or("")),
          .name = std::string(f.text("tool_name").value_or("")),
          .reasoning = std::string(f.text("thinking").value_or(""))};
}

void read_embed_common(const Fields& f, EmbedAsked& asked) {
  asked.model = f.text("model").value_or("");
  asked.request.keep_alive = read_keep_alive(f);
  asked.priority = generation::read_priority(f);
  if (const auto options = f.get("options")) {
    asked.request.context = read_context(Fields(*options, f.faults(), "options"));
  }
}

}  // namespace

generation::Read<GenerateAsked> read_generate(json::Reader& reader, std::string_view body) {
  return generation::read_object<GenerateAsked>(
      reader, body, [](const Fields& f, GenerateAsked& asked) {
        read_common(f, asked);
        const std::string prompt(f.text("prompt").value_or(""));
        const std::string system(f.text("system").value_or(""));
        refuse_text(f, "template", "prompts go through the model's own template");
        refuse_text(f, "suffix", "a text is continued at its end only");
        if (const auto context = f.array("context", 1'000'000); context && context->size() > 0) {
          f.fault("context", "'context' is not served: send the conversation to /api/chat");
        }
        refuse_images(f);
        if (prompt.empty()) {
          ask_to_load(asked);
        } else if (f.boolean("raw").value_or(false)) {
          asked.request.prompt = prompt;
        } else {
          if (!system.empty()) asked.request.messages.push_back({"system", system, {}, "", ""});
          asked.request.messages.push_back({"user", prompt, {}, "", ""});
        }
      });
}

generation::Read<GenerateAsked> read_chat(json::Reader& reader, std::string_view body) {
  return generation::read_object<GenerateAsked>(
      reader, body, [](const Fields& f, GenerateAsked& asked) {
        read_common(f, asked);
        if (const auto list = f.array("messages", generation::kMaxMessages)) {
          for (const element entry : *list) {
            const auto place = formatted("messages[{}]", asked.request.messages.size());
            asked.request.messages.push_back(read_message(Fields(entry, f.faults(), place)));
          }
        }
        asked.request.tools = generation::read_tools(f);
        if (asked.request.messages.empty()) ask_to_load(asked);
      });
}

generation::Read<EmbedAsked> read_embed(json::Reader& reader, std::string_view body) {
  return generation::read_object<EmbedAsked>(reader, body, [](const Fields& f, EmbedAsked& asked) {
    read_embed_common(f, asked);
    asked.request.inputs = f.texts("input", kMaxEmbedInputs).value_or(std::vector<std::string>());
    // Without a text the model is loaded, or dropped.
    if (asked.request.inputs == std::vector<std::string>{""}) asked.request.inputs.clear();
    asked.request.truncate = f.boolean("truncate").value_or(true);
    if (const auto dimensions = f.integer("dimensions", 1, 1 << 20)) {
      asked.dimensions = static_cast<std::uint32_t>(*dimensions);
    }
  });
}

generation::Read<EmbedAsked> read_embeddings(json::Reader& reader, std::string_view body) {
  return generation::read_object<EmbedAsked>(reader, body, [](const Fields& f, EmbedAsked& asked) {
    read_embed_common(f, asked);
    asked.request.inputs.emplace_back(f.text("prompt").value_or(""));
    asked.request.truncate = true;
  });
}

generation::Read<std::string> read_show(json::Reader& reader, std::string_view body) {
  const auto fill = [](const Fields& f, std::string& model) { model = needed_model(f); };
  return generation::read_object<std::string>(reader, body, fill);
}

generation::Read<PullAsked> read_pull(json::Reader& reader, std::string_view body) {
  return generation::read_object<PullAsked>(reader, body, [](const Fields& f, PullAsked& asked) {
    asked.model = needed_model(f);
    asked.stream = f.boolean("stream").value_or(true);
  });
}

}  // namespace sluice::api::ollama
