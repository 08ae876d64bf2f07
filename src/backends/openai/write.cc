#include "backends/openai/write.h"

#include <algorithm>

#include "backends/generation_wire/write_parts.h"
#include "base/format.h"
#include "http/json/writer.h"

namespace sluice::openai {

namespace {
using generation_wire::is_json;
using generation_wire::WireCall;
using json::Writer;

Error not_taken(std::string_view name) {
  return invalid(formatted(
      "the engine takes no {}: leave it out, or say by 'extensions' what the engine is", name));
}

void write_message(Writer& out, const ChatMessage& message) {
  out.begin_object().field("role", message.role);
  if (message.content.empty() && !message.tool_calls.empty()) {
    out.key("content").null();
  } else {
    out.field("content", message.content);
  }
  if (!message.reasoning.empty()) out.field("reasoning_content", message.reasoning);
  if (!message.name.empty()) out.field("name", message.name);
  if (!message.tool_call_id.empty()) out.field("tool_call_id", message.tool_call_id);
  if (!message.tool_calls.empty()) {
    out.key("tool_calls").begin_array();
    for (const ToolCall& call : message.tool_calls) {
      out.begin_object().field("id", call.id).field("type", "function");
      out.key("function").begin_object().field("name", call.name);
      out.field("arguments", call.arguments).end_object().end_object();
    }
    out.end_array();
  }
  out.end_object();
}

std::string_view to_string(ToolChoice choice) {
  switch (choice) {
    case ToolChoice::kNone:
      return "none";
    case ToolChoice::kRequired:
      return "required";
    case ToolChoice::kAuto:
      break;
  }
  return "auto";
}

std::string_view to_string(ReasoningEffort effort) {
  switch (effort) {
    case ReasoningEffort::kNone:
      return "none";
    case ReasoningEffort::kMinimal:
      return "minimal";
    case ReasoningEffort::kLow:
      return "low";
    case ReasoningEffort::kHigh:
      return "high";
    case ReasoningEffort::kMedium:
    case ReasoningEffort::kAsItLikes:
      break;
  }
  return "medium";
}

// Engines with templates take a switch for it; others a measure.
void write_reasoning(Writer& out, std::optional<ReasoningEffort> effort, Extensions extensions) {
  if (!effort) return;
  if (extensions != Extensions::kNone) {
    out.key("chat_template_kwargs").begin_object();
    out.field("enable_thinking", *effort != ReasoningEffort::kNone).end_object();
  }
  const bool measured = *effort != ReasoningEffort::kNone && *effort != ReasoningEffort::kAsItLikes;
  if (measured || extensions == Extensions::kNone) {
    out.field("reasoning_effort", to_string(*effort));
  }
}

// Those that the standard has.
void write_standard(Writer& out, const Sampling& s) {
  if (s.temperature) out.field("temperature", *s.temperature);
  if (s.top_p) out.field("top_p", *s.top_p);
  if (s.presence_penalty) out.field("presence_penalty", *s.presence_penalty);
  if (s.frequency_penalty) out.field("frequency_penalty", *s.frequency_penalty);
  if (s.seed) out.field("seed", *s.seed);
  if (!s.logit_bias.empty()) {
    out.key("logit_bias").begin_object();
    for (const auto& [token, bias] : s.logit_bias) out.field(std::to_string(token), bias);
    out.end_object();
  }
}

Result<> write_extended(Writer& out, const Sampling& s, Extensions extensions) {
  const bool any = extensions != Extensions::kNone;
  const bool llama = extensions == Extensions::kLlamaCpp;
  Result<> result;
  const auto add = [&](std::string_view name, const auto& value, bool taken) {
    if (!value) return;
    if (taken) {
      out.field(name, *value);
    } else if (result) {
      result = fail(not_taken(name));
    }
  };
  add("top_k", s.top_k, any);
  add("min_p", s.min_p, any);
  add("typical_p", s.typical_p, llama);
  add(llama ? "repeat_penalty" : "repetition_penalty", s.repeat_penalty, any);
  add("repeat_last_n", s.repeat_last_n, llama);
  add("mirostat", s.mirostat, llama);
  add("mirostat_tau", s.mirostat_tau, llama);
  add("mirostat_eta", s.mirostat_eta, llama);
  add("ignore_eos", s.ignore_end ? std::optional(true) : std::nullopt, any);
  return result;
}

void write_tools(Writer& out, const GenerateRequest& request) {
  if (request.tools.empty()) return;
  generation_wire::write_tools(out, request.tools);
  out.field("tool_choice", to_string(request.tool_choice));
}

Result<> write_constraint(Writer& out, const GenerateRequest& request, Extensions extensions) {
  const Constraint& constraint = request.constraint;
  switch (constraint.kind) {
    case Constraint::Kind::kNone:
      break;
    case Constraint::Kind::kJson:
      out.key("response_format").begin_object().field("type", "json_object").end_object();
      break;
    case Constraint::Kind::kJsonSchema:
      if (!is_json(constraint.text)) return fail(invalid("the JSON schema is not JSON"));
      // llama.cpp's completions know the schema by itself only.
      if (request.prompt && extensions == Extensions::kLlamaCpp) {
        out.key("json_schema").raw(constraint.text);
        break;
      }
      out.key("response_format").begin_object().field("type", "json_schema").key("json_schema");
      out.begin_object().field("name", "answer").field("strict", true).key("schema");
      out.raw(constraint.text).end_object().end_object();
      break;
    case Constraint::Kind::kGrammar:
      if (extensions == Extensions::kLlamaCpp) {
        out.field("grammar", constraint.text);
      } else if (extensions == Extensions::kVllm) {
        out.key("structured_outputs").begin_object().field("grammar", constraint.text).end_object();
      } else {
        return fail(not_taken("grammar"));
      }
      break;
  }
  return {};
}
}  // namespace

Result<WireCall> write_generate(const GenerateRequest& request, std::string_view model,
                                const OpenAiOptions& options) {
  const bool chat = !request.prompt;
  for (const ToolDeclaration& tool : request.tools) {
    if (!chat) return fail(invalid("tools go with messages, not with a prompt"));
    if (!tool.parameters.empty() && !is_json(tool.parameters)) {
      return fail(invalid(formatted("the parameters of the tool '{}' are not JSON", tool.name)));
    }
  }
  WireCall call{chat ? "/chat/completions" : "/completions", {}};
  Writer out(call.body);
  out.begin_object().field("model", model);
  if (chat) {
    out.key("messages").begin_array();
    for (const ChatMessage& message : request.messages) write_message(out, message);
    out.end_array();
    write_tools(out, request);
    write_reasoning(out, request.reasoning, options.extensions);
  } else {
    out.field("prompt", *request.prompt);
  }
  out.field("stream", true);
  out.key("stream_options").begin_object().field("include_usage", true).end_object();
  if (request.max_tokens) {
    const bool newer = chat && options.max_completion_tokens;
    // Some engines refuse 0: the one token is left out of the answer (builder.h).
    out.field(newer ? "max_completion_tokens" : "max_tokens",
              std::max<std::uint32_t>(*request.max_tokens, 1));
  }
  if (!request.stop.empty()) {
    out.key("stop").begin_array();
    for (const std::string& stop : request.stop) out.value(stop);
    out.end_array();
  }
  if (request.choices != 1) out.field("n", request.choices);
  if (request.logprobs && chat) {
    out.field("logprobs", true).field("top_logprobs", *request.logprobs);
  } else if (request.logprobs) {
    out.field("logprobs", *request.logprobs);
  }
  write_standard(out, request.sampling);
  if (auto done = write_extended(out, request.sampling, options.extensions); !done) {
    return fail(std::move(done.error()));
  }
  if (auto done = write_constraint(out, request, options.extensions); !done) {
    return fail(std::move(done.error()));
  }
  out.end_object();
  return call;
}

WireCall write_embed(const EmbedRequest& request, std::string_view model,
                     const OpenAiOptions& options) {
  WireCall call{"/embeddings", {}};
  Writer out(call.body);
  out.begin_object().field("model", model).key("input").begin_array();
  for (const std::string& input : request.inputs) out.value(input);
  out.end_array().field("encoding_format", "float");
  if (request.truncate && options.extensions == Extensions::kVllm) {
    out.field("truncate_prompt_tokens", -1);
  }
  out.end_object();
  return call;
}

}  // namespace sluice::openai
