#include <algorithm>
#include <array>
#include <format>

#include "api/generation/sampling.h"
#include "api/openai/common_fields.h"

namespace sluice::api::openai {

namespace {
using simdjson::dom::element;

constexpr std::array<std::string_view, 4> kRoles = {"system", "user", "assistant", "tool"};

ChatMessage read_message(const Fields& f) {
  std::string_view role = f.needed_text("role");
  if (role == "developer") role = "system";
  if (std::ranges::find(kRoles, role) == kRoles.end()) {
    f.fault("role", std::format("'{}' must be system, developer, user, assistant or tool, got '{}'",
                                f.path_of("role"), role.substr(0, 100)));
  }
  ChatMessage message{.role = std::string(role),
                      .content = read_content(f),
                      .tool_calls = generation::read_tool_calls(f),
                      .tool_call_id = std::string(f.text("tool_call_id").value_or("")),
                      .name = std::string(f.text("name").value_or(""))};
  if (!f.get("content") && message.tool_calls.empty()) {
    f.fault("content", std::format("'{}' is missing", f.path_of("content")));
  }
  return message;
}

void read_messages(const Fields& f, GenerateRequest& request) {
  const auto list = f.array("messages", generation::kMaxMessages);
  if (!list || list->size() == 0) {
    return f.fault("messages", "'messages' must be a list of at least one message");
  }
  for (const element entry : *list) {
    const Fields message(entry, f.faults(), std::format("messages[{}]", request.messages.size()));
    request.messages.push_back(read_message(message));
    if (f.faults().any()) return;
  }
}

// A choice of one function is the demand to call one, with that one alone to be called.
void read_tool_choice(const Fields& f, GenerateRequest& request) {
  const auto value = f.get("tool_choice");
  if (!value) return;
  if (value->is_object()) {
    const Fields choice(*value, f.faults(), "tool_choice");
    const auto function = choice.get("function");
    if (!function) return choice.fault("function", "'tool_choice.function' is missing");
    const std::string name(
        Fields(*function, f.faults(), "tool_choice.function").needed_text("name"));
    std::erase_if(request.tools, [&](const ToolDeclaration& tool) { return tool.name != name; });
    if (request.tools.empty()) {
      return f.fault("tool_choice", std::format("'tools' has no function '{}'", name));
    }
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
    f.fault("tool_choice", std::format("'tool_choice' must be none, auto, required or a function, "
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
      });
}

}  // namespace sluice::api::openai
