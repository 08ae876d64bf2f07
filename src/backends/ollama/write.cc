#include "backends/ollama/write.h"

#include "backends/generation_wire/write_parts.h"
#include "base/format.h"
#include "http/json/writer.h"

namespace sluice::ollama {

namespace {
using generation_wire::is_json;
using generation_wire::WireCall;
using json::Writer;

Error not_taken(std::string_view what) {
  return invalid(formatted("an engine of Ollama takes no {}", what));
}

Result<> check(const GenerateRequest& request) {
  if (request.choices != 1) return fail(not_taken("n above 1"));
  if (!request.sampling.logit_bias.empty()) return fail(not_taken("logit_bias"));
  if (request.sampling.ignore_end) return fail(not_taken("ignore_eos"));
  if (request.constraint.kind == Constraint::Kind::kGrammar) return fail(not_taken("grammar"));
  if (request.constraint.kind == Constraint::Kind::kJsonSchema &&
      !is_json(request.constraint.text)) {
    return fail(invalid("the JSON schema is not JSON"));
  }
  if (!request.tools.empty() && request.prompt) {
    return fail(invalid("tools go with messages, not with a prompt"));
  }
  if (!request.tools.empty() && request.tool_choice == ToolChoice::kRequired) {
    return fail(not_taken("tool_choice 'required'"));
  }
  for (const ToolDeclaration& tool : request.tools) {
    if (!tool.parameters.empty() && !is_json(tool.parameters)) {
      return fail(invalid(formatted("the parameters of the tool '{}' are not JSON", tool.name)));
    }
  }
  for (const ChatMessage& message : request.messages) {
    for (const ToolCall& call : message.tool_calls) {
      if (!call.arguments.empty() && !generation_wire::is_json_object(call.arguments)) {
        return fail(
            invalid(formatted("the arguments of the call of '{}' are no JSON object", call.name)));
      }
    }
  }
  return {};
}

void write_message(Writer& out, const ChatMessage& message) {
  out.begin_object().field("role", message.role).field("content", message.content);
  if (!message.reasoning.empty()) out.field("thinking", message.reasoning);
  if (!message.name.empty()) {
    out.field(message.role == "tool" ? "tool_name" : "name", message.name);
  }
  if (!message.tool_call_id.empty()) out.field("tool_call_id", message.tool_call_id);
  if (!message.tool_calls.empty()) {
    out.key("tool_calls").begin_array();
    for (const ToolCall& call : message.tool_calls) {
      out.begin_object();
      if (!call.id.empty()) out.field("id", call.id);
      out.key("function").begin_object().field("name", call.name).key("arguments");
      out.raw(call.arguments.empty() ? "{}" : call.arguments).end_object().end_object();
    }
    out.end_array();
  }
  out.end_object();
}

// Some models take a measure, others only yes or no.
void write_think(Writer& out, std::optional<ReasoningEffort> effort) {
  if (!effort) return;
  switch (*effort) {
    case ReasoningEffort::kNone:
      out.field("think", false);
      break;
    case ReasoningEffort::kMinimal:
    case ReasoningEffort::kLow:
      out.field("think", "low");
      break;
    case ReasoningEffort::kMedium:
      out.field("think", "medium");
      break;
    case ReasoningEffort::kHigh:
      out.field("think", "high");
      break;
    case ReasoningEffort::kAsItLikes:
      out.field("think", true);
      break;
  }
}

void write_options(Writer& out, const GenerateRequest& request) {
  const Sampling& s = request.sampling;
  const auto add = [&](std::string_view name, const auto& value) {
    if (value) out.field(name, *value);
  };
  out.key("options").begin_object();
  add("num_ctx", request.context);
  add("num_predict", request.max_tokens);
  add("temperature", s.temperature);
  add("top_p", s.top_p);
  add("top_k", s.top_k);
  add("min_p", s.min_p);
  add("typical_p", s.typical_p);
  add("repeat_penalty", s.repeat_penalty);
  add("repeat_last_n", s.repeat_last_n);
  add("presence_penalty", s.presence_penalty);
  add("frequency_penalty", s.frequency_penalty);
  add("mirostat", s.mirostat);
  add("mirostat_tau", s.mirostat_tau);
  add("mirostat_eta", s.mirostat_eta);
  add("seed", s.seed);
  if (!request.stop.empty()) {
    out.key("stop").begin_array();
    for (const std::string& stop : request.stop) out.value(stop);
    out.end_array();
  }
  out.end_object();
}

// `options` of a request that has no others: a model is in memory with its context.
void write_context(Writer& out, const std::optional<std::uint32_t>& context) {
  if (context) out.key("options").begin_object().field("num_ctx", *context).end_object();
}

// As Go's time.ParseDuration reads it; below zero is for ever.
void write_keep_alive(Writer& out, const std::optional<Duration>& keep) {
  if (!keep) return;
  if (*keep < Duration::zero()) {
    out.field("keep_alive", -1);
    return;
  }
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(*keep).count();
  out.field("keep_alive", formatted("{}ms", ms));
}

// No token is asked for by an empty prompt: the model is loaded and nothing else. A num_predict of
// 0 would ask for as many as come.
WireCall write_load(const GenerateRequest& request, std::string_view model) {
  WireCall call{"/api/generate", {}};
  Writer out(call.body);
  out.begin_object().field("model", model).field("prompt", "").field("stream", true);
  write_keep_alive(out, request.keep_alive);
  write_context(out, request.context);
  out.end_object();
  return call;
}
}  // namespace

Result<WireCall> write_generate(const GenerateRequest& request, std::string_view model) {
  if (auto checked = check(request); !checked) return fail(std::move(checked.error()));
  if (request.max_tokens == 0U) return write_load(request, model);
  WireCall call{request.prompt ? "/api/generate" : "/api/chat", {}};
  Writer out(call.body);
  out.begin_object().field("model", model);
  if (request.prompt) {
    out.field("prompt", *request.prompt).field("raw", true);
  } else {
    out.key("messages").begin_array();
    for (const ChatMessage& message : request.messages) write_message(out, message);
    out.end_array();
    if (!request.tools.empty() && request.tool_choice != ToolChoice::kNone) {
      generation_wire::write_tools(out, request.tools);
    }
  }
  write_think(out, request.reasoning);
  out.field("stream", true).field("truncate", false).field("shift", false);
  if (request.constraint.kind == Constraint::Kind::kJson) out.field("format", "json");
  if (request.constraint.kind == Constraint::Kind::kJsonSchema) {
    out.key("format").raw(request.constraint.text);
  }
  if (request.logprobs) {
    out.field("logprobs", true).field("top_logprobs", *request.logprobs);
  }
  write_keep_alive(out, request.keep_alive);
  write_options(out, request);
  out.end_object();
  return call;
}

WireCall write_embed(const EmbedRequest& request, std::string_view model) {
  WireCall call{"/api/embed", {}};
  Writer out(call.body);
  out.begin_object().field("model", model).key("input").begin_array();
  for (const std::string& input : request.inputs) out.value(input);
  out.end_array().field("truncate", request.truncate);
  write_keep_alive(out, request.keep_alive);
  write_context(out, request.context);
  out.end_object();
  return call;
}

}  // namespace sluice::ollama
