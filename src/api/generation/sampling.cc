#include "api/generation/sampling.h"

#include "base/format.h"

namespace sluice::api::generation {

namespace {
template <class T, class U>
void take(std::optional<T>& into, const std::optional<U>& read) {
  if (read) into = static_cast<T>(*read);
}
constexpr std::int64_t kMostTokens = 1'000'000'000;

std::string read_arguments(const Fields& function) {
  const auto value = function.get("arguments");
  if (!value) return "{}";
  if (value->is_object()) return json_text(*value);
  return std::string(function.text("arguments").value_or(""));
}
}  // namespace

void read_sampling(const Fields& f, Sampling& s) {
  take(s.temperature, f.number("temperature", 0, 100));
  take(s.top_p, f.number("top_p", 0, 1));
  take(s.top_k, f.integer("top_k", -1, kMostTokens));
  if (s.top_k == -1) s.top_k = 0;  // how some engines say "all"
  take(s.min_p, f.number("min_p", 0, 1));
  take(s.typical_p, f.number("typical_p", 0, 1));
  take(s.repeat_penalty, f.number("repeat_penalty", 0, 100));
  take(s.repeat_last_n, f.integer("repeat_last_n", -1, kMostTokens));
  take(s.presence_penalty, f.number("presence_penalty", -100, 100));
  take(s.frequency_penalty, f.number("frequency_penalty", -100, 100));
  take(s.mirostat, f.integer("mirostat", 0, 2));
  take(s.mirostat_tau, f.number("mirostat_tau", 0, 1000));
  take(s.mirostat_eta, f.number("mirostat_eta", 0, 1000));
  // Any number: an engine has 32 bits of it.
  if (const auto seed = f.integer("seed")) s.seed = static_cast<std::uint32_t>(*seed);
}

std::vector<std::string> read_stops(const Fields& f) {
  auto stops = f.texts("stop", kMaxStopTexts).value_or(std::vector<std::string>());
  std::erase(stops, "");  // how some clients say that there is none
  for (const std::string& stop : stops) {
    if (stop.size() <= kMaxStopBytes) continue;
    f.fault("stop", formatted("'{}': a text to stop at has at most {} bytes, got {}",
                              f.path_of("stop"), kMaxStopBytes, stop.size()));
  }
  return stops;
}

std::vector<ToolDeclaration> read_tools(const Fields& f) {
  std::vector<ToolDeclaration> tools;
  const auto list = f.array("tools", kMaxTools);
  if (!list) return tools;
  for (const simdjson::dom::element entry : *list) {
    const std::string place = formatted("tools[{}]", tools.size());
    const Fields tool(entry, f.faults(), place);
    if (const auto type = tool.text("type").value_or("function"); type != "function") {
      tool.fault("type", formatted("only functions are served as tools, not '{}'", type));
    }
    const auto declared = tool.get("function");
    if (!declared) {
      tool.fault("function", formatted("'{}.function' is missing", place));
      return tools;
    }
    const Fields function(*declared, f.faults(), place + ".function");
    ToolDeclaration one{.name = std::string(function.needed_text("name")),
                        .description = std::string(function.text("description").value_or("")),
                        .parameters = "{}"};
    if (const auto parameters = function.get("parameters")) {
      if (!parameters->is_object()) {
        function.fault("parameters",
                       formatted("'{}' must be a JSON schema", function.path_of("parameters")));
      }
      one.parameters = json_text(*parameters);
    }
    tools.push_back(std::move(one));
  }
  return tools;
}

std::vector<ToolCall> read_tool_calls(const Fields& message) {
  std::vector<ToolCall> calls;
  const auto list = message.array("tool_calls", kMaxCalls);
  if (!list) return calls;
  for (const simdjson::dom::element entry : *list) {
    const std::string place = formatted("{}[{}]", message.path_of("tool_calls"), calls.size());
    const Fields call(entry, message.faults(), place);
    const auto called = call.get("function");
    if (!called) {
      call.fault("function", formatted("'{}.function' is missing", place));
      return calls;
    }
    const Fields function(*called, message.faults(), place + ".function");
    calls.push_back({.id = std::string(call.text("id").value_or("")),
                     .name = std::string(function.needed_text("name")),
                     .arguments = read_arguments(function)});
  }
  return calls;
}

std::optional<ReasoningEffort> read_effort(const Fields& f, std::string_view name) {
  constexpr std::pair<std::string_view, ReasoningEffort> kNames[] = {
      {"none", ReasoningEffort::kNone}, {"minimal", ReasoningEffort::kMinimal},
      {"low", ReasoningEffort::kLow},   {"medium", ReasoningEffort::kMedium},
      {"high", ReasoningEffort::kHigh}, {"xhigh", ReasoningEffort::kHigh},
      {"max", ReasoningEffort::kHigh},
  };
  const auto effort = f.text(name);
  if (!effort) return std::nullopt;
  for (const auto& [known, meaning] : kNames) {
    if (*effort == known) return meaning;
  }
  f.fault(name, formatted("'{}' must be none, minimal, low, medium or high, got '{}'",
                          f.path_of(name), effort->substr(0, 100)));
  return std::nullopt;
}

std::optional<ServiceClass> read_priority(const Fields& f) {
  const auto priority = f.text("priority");
  if (!priority) return std::nullopt;
  if (*priority == "high") return ServiceClass::kRealtime;
  if (*priority == "low") return ServiceClass::kBestEffort;
  f.fault("priority",
          formatted("'priority' must be high or low, got '{}'", priority->substr(0, 100)));
  return std::nullopt;
}

void refuse(const Fields& f, std::string_view name, std::string_view why) {
  if (f.get(name)) f.fault(name, formatted("'{}' is not served: {}", f.path_of(name), why));
}

}  // namespace sluice::api::generation
