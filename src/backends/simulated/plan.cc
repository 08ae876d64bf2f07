#include "backends/simulated/plan.h"

#include <algorithm>

#include "base/format.h"
#include "http/json/writer.h"
#include "inference/unit_vector.h"

namespace sluice::simulated {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::string_view last_of_user(const GenerateRequest& request) {
  if (request.prompt) return *request.prompt;
  for (auto it = request.messages.rbegin(); it != request.messages.rend(); ++it) {
    if (it->role == "user" || it->role == "tool") return it->content;
  }
  return {};
}

std::string_view word_of(std::string_view token) {
  const auto at = token.find_first_not_of(kBlanks);
  return at == std::string_view::npos ? std::string_view() : token.substr(at);
}

const ToolDeclaration* called_tool(const GenerateRequest& request,
                                   const std::vector<std::string>& said) {
  if (request.tool_choice == ToolChoice::kNone || request.tools.empty()) return nullptr;
  for (const ToolDeclaration& tool : request.tools) {
    const auto names = [&](const std::string& token) { return word_of(token) == tool.name; };
    if (std::ranges::any_of(said, names)) return &tool;
  }
  return request.tool_choice == ToolChoice::kRequired ? &request.tools.front() : nullptr;
}

std::string as_json(std::string_view text) {
  std::string out;
  json::Writer(out).begin_object().field("text", text).end_object();
  return out;
}

// Ends the text before the first of the stop texts.
void stop_at(Plan& plan, const std::vector<std::string>& stops) {
  std::string all;
  for (const std::string& piece : plan.pieces) all += piece;
  std::size_t end = std::string::npos;
  for (const std::string& stop : stops) {
    if (!stop.empty()) end = std::min(end, all.find(stop));
  }
  if (end == std::string::npos) return;
  std::size_t at = 0;
  for (std::size_t i = 0; i < plan.pieces.size(); ++i) {
    if (at + plan.pieces[i].size() > end) {
      plan.pieces[i].resize(end - at);
      plan.pieces.resize(i + 1);
      return;
    }
    at += plan.pieces[i].size();
  }
}

void think(Plan& plan, std::size_t most) {
  const std::vector<std::string> thought = tokens_of("They want it said back.");
  plan.pieces.insert(plan.pieces.begin(), thought.begin(), thought.end());
  plan.thoughts = std::min(thought.size(), most);
  if (plan.pieces.size() <= most) return;
  plan.pieces.resize(most);
  plan.finish = FinishReason::kLength;
}

}  // namespace

std::vector<std::string> tokens_of(std::string_view text) {
  std::vector<std::string> tokens;
  std::size_t at = 0;
  while (true) {
    const std::size_t word = text.find_first_not_of(kBlanks, at);
    if (word == std::string_view::npos) return tokens;
    const std::size_t end = std::min(text.find_first_of(kBlanks, word), text.size());
    tokens.emplace_back(text.substr(at, end - at));
    at = end;
  }
}

Result<Plan> make_plan(const GenerateRequest& request, const SimulatedOptions& options) {
  Plan plan;
  if (request.prompt) {
    plan.prompt_tokens = static_cast<std::uint32_t>(tokens_of(*request.prompt).size());
  }
  for (const ChatMessage& message : request.messages) {
    plan.prompt_tokens += static_cast<std::uint32_t>(tokens_of(message.content).size());
  }
  if (plan.prompt_tokens >= options.context) {
    return fail(
        too_long_for_context(formatted("the prompt has {} tokens, and the model's context is {}",
                                       plan.prompt_tokens, options.context)));
  }
  const std::string_view text = last_of_user(request);
  std::vector<std::string> said = tokens_of(text);
  if (const ToolDeclaration* tool = called_tool(request, said)) {
    plan.calls.push_back({"", tool->name, as_json(text)});
    plan.finish = FinishReason::kToolCalls;
    said.clear();
  } else if (request.constraint.kind != Constraint::Kind::kNone) {
    said = tokens_of(as_json(text));
  }
  const std::size_t room = options.context - plan.prompt_tokens;
  const std::size_t most = std::min<std::size_t>(request.max_tokens.value_or(room), room);
  std::size_t wanted = options.tokens != 0 ? options.tokens : said.size();
  if (request.sampling.ignore_end) wanted = most;
  if (said.empty()) wanted = 0;
  for (std::size_t i = 0; i < std::min(wanted, most); ++i) {
    std::string piece = said[i % said.size()];
    if (i != 0 && i % said.size() == 0) piece.insert(0, " ");
    plan.pieces.push_back(std::move(piece));
  }
  if (wanted > most) plan.finish = FinishReason::kLength;
  const std::size_t before = plan.pieces.size();
  stop_at(plan, request.stop);
  if (plan.pieces.size() < before) plan.finish = FinishReason::kStop;
  if (request.reasoning && request.reasoning != ReasoningEffort::kNone) think(plan, most);
  return plan;
}

std::vector<float> embed(std::string_view text, std::size_t dimensions) {
  std::vector<float> vector(dimensions, 0.0F);
  for (const std::string& token : tokens_of(text)) {
    std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a
    for (const char c : word_of(token)) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    }
    vector[hash % dimensions] += 1.0F;
  }
  if (std::ranges::all_of(vector, [](float value) { return value == 0; })) vector[0] = 1;
  make_unit(vector);
  return vector;
}

}  // namespace sluice::simulated
