#include <algorithm>
#include <array>

#include "api/generation/sampling.h"
#include "api/openai/common_fields.h"
#include "base/format.h"

namespace sluice::api::openai {

namespace {
using simdjson::dom::element;

constexpr std::array<std::string_view, 4> kRoles = {"system", "user", "assistant", "tool"};

ChatMessage read_message(const Fields& f) {
  std::string_view role = f.needed_text("role");
  if (role == "developer") role = "system";
  if (std::ranges::find(kRoles, role) == kRoles.end()) {
    f.fault("role", formatted("'{}' must be system, developer, user, assistant or tool, got '{}'",
                              f.path_of("role"), role.substr(0, 100)));
  }
  ChatMessage message{.role = std::string(role),
                      .content = read_content(f),
                      .tool_calls = generation::read_tool_calls(f),
                      .tool_call_id = std::string(f.text("tool_call_id").value_or("")),
                      .name = std::string(f.text("name").value_or("")),
                      .reasoning = std::string(f.text("reasoning_content").value_or(""))};
  if (f.get("content") || !message.tool_calls.empty()) return message;
  // A turn of the model's may have been a refusal, or nothing but thought.
  if (role == "assistant") {
    message.content = f.text("refusal").value_or("");
  } else {
    f.fault("content", formatted("'{}' is missing", f.path_of("content")));
  }
  return message;
}

void read_messages(const Fields& f, GenerateRequest& request) {
  const auto list = f.array("messages", generation::kMaxMessages);
  if (!list || list->size() == 0) {
    return f.fault("messages", "'messages' must be a list of at least one message");
  }
  for (const element entry : *list) {
    const Fields message(entry, f.faults(), formatted("messages[{}]", request.messages.size()));
    request.messages.push_back(read_message(message));
    if (f.faults().any()) return;
  }
}

// Leaves the tools of those names; a fault where there is none left, or a name that is not there.
void keep_tools(const Fields& f, GenerateRequest& request, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto named = [&](const ToolDeclaration& tool) { return tool.name == name; };
    if (std::ranges::none_of(request.tools, named)) {
      return f.fault("tool_choice", formatted("'tools' has no function '{}'", name));
    }
  }
  std::erase_if(request.tools, [&](const ToolDeclaration& tool) {
    return std::ranges::find(names, tool.name) == names.end();
  });
}

std::string function_of(const Fields& choice) {
  const auto function = choice.get("function");
  if (!function) {
    choice.fault("function", formatted("'{}' is missing", choice.path_of("function")));
    return {};
  }
  const Fields named(*function, choice.faults(), choice.path_of("function"));
  return std::string(named.needed_text("name"));
}

// {"mode": "auto" or "required", "tools": [{type, function: {name}}]}
void read_allowed_tools(const Fields& f, const Fields& choice, GenerateRequest& request) {
  const auto inner = choice.get("allowed_tools");
  if (!inner) return choice.fault("allowed_tools", "'tool_choice.allowed_tools' is missing");
  const Fields allowed(*inner, f.faults(), "tool_choice.allowed_tools");
  const std::string_view mode = allowed.text("mode").value_or("auto");
  if (mode == "required") {
    request.tool_choice = ToolChoice::kRequired;
  } else if (mode != "auto") {
    return allowed.fault("mode", formatted("'{}' must be auto or required, got '{}'",
                                           allowed.path_of("mode"), mode.substr(0, 100)));
  }
  std::vector<std::string> names;
  const auto list = allowed.array("tools", generation::kMaxTools);
  if (!list || list->size() == 0) {
    return allowed.fault("tools", "'tool_choice.allowed_tools.tools' must name a function");
  }
  for (const element entry : *list) {
    const Fields one(entry, f.faults(),
                     formatted("{}[{}]", allowed.path_of("tools"), names.size()));
    names.push_back(function_of(one));
  }
  if (!f.faults().any()) keep_tools(f, request, names);
}

// A choice of one function is the demand to call one, with that one alone to be called.
void read_tool_choice(const Fields& f, GenerateRequest& request) {
  const auto value = f.get("tool_choice");
  if (!value) return;
  if (value->is_object()) {
    const Fields choice(*value, f.faults(), "tool_choice");
    const std::string_view type = choice.text("type").value_or("function");
    if (type == "allowed_tools") return read_allowed_tools(f, choice, request);
    if (type != "function") {
      return choice.fault("type", formatted("'tool_choice.type' must be function or "
                                            "allowed_tools, got '{}'",
                                            type.substr(0, 100)));
    }
    const std::string name = function_of(choice);
    if (f.faults().any()) return;
    keep_tools(f, request, {name});
    request.tool_choice = ToolChoice::kRequired;
    return;
  }
  const std::string_view choice = f.text("tool_choice").value_or("auto");
  if (choice == "none") {
    request.tool_choice = ToolChoice::kNone;
  } else if (choice == "required") {
    request.tool_choice = ToolChoice::kRequired;
    if (request.tools.empty()) f.fault("tool_choice", "'tool_choice' is required without 'tools'");
  } else if (choice != "auto") {
    f.fault("tool_choice", formatted("'tool_choice' must be none, auto, required or a function, "
                                     "got '{}'",
                                     choice.substr(0, 100)));
  }
}

void read_logprobs(const Fields& f, GenerateRequest& request) {
  const bool wanted = f.boolean("logprobs").value_or(false);
  const auto top = f.integer("top_logprobs", 0, kMaxLogprobs);
  if (wanted) request.logprobs = static_cast<std::uint32_t>(top.value_or(0));
  if (!wanted && top.value_or(0) > 0) {
    f.fault("top_logprobs", "'top_logprobs' needs 'logprobs': true");
  }
}

void read_modalities(const Fields& f) {
  for (const std::string& kind : f.texts("modalities", 16).value_or(std::vector<std::string>())) {
    if (kind == "text") continue;
    f.fault("modalities", formatted("answers are text, not '{}'", kind.substr(0, 100)));
  }
}

// By the standard's measure, or by the switch that engines with templates have.
void read_reasoning(const Fields& f, GenerateRequest& request) {
  request.reasoning = generation::read_effort(f, "reasoning_effort");
  const auto kwargs = f.get("chat_template_kwargs");
  if (request.reasoning || !kwargs) return;
  const Fields inner(*kwargs, f.faults(), "chat_template_kwargs");
  if (const auto thinks = inner.boolean("enable_thinking")) {
    request.reasoning = *thinks ? ReasoningEffort::kAsItLikes : ReasoningEffort::kNone;
  }
}

}  // namespace

generation::Read<GenerateAsked> read_chat(json::Reader& reader, std::string_view body) {
  return generation::read_object<GenerateAsked>(
      reader, body, [](const Fields& f, GenerateAsked& asked) {
        read_messages(f, asked.request);
        asked.request.tools = generation::read_tools(f);
        read_tool_choice(f, asked.request);
        read_logprobs(f, asked.request);
        read_common(f, asked);
        generation::refuse(f, "functions", "say it with 'tools'");
        generation::refuse(f, "function_call", "say it with 'tool_choice'");
        generation::refuse(f, "audio", "answers are text");
        read_modalities(f);
        read_reasoning(f, asked.request);
      });
}

}  // namespace sluice::api::openai
