#include "backends/generation_wire/builder.h"

#include <algorithm>
#include <iterator>

#include "base/format.h"

namespace sluice::generation_wire {

namespace {
constexpr std::size_t kMaxTools = 256;  // calls of tools in one answer
}

Result<> AnswerBuilder::check(std::uint64_t choice) const {
  if (choice < choices_.size()) return {};
  return fail(
      internal(formatted("the answer has a choice {}, asked were {}", choice, choices_.size())));
}

void AnswerBuilder::add_text(std::uint32_t choice, std::string_view text,
                             std::vector<TokenLogprob> logprobs, std::vector<TextPart>& parts) {
  if (text.empty() && logprobs.empty()) return;
  started_ = true;
  if (empty_) return;
  ++pieces_;
  Choice& into = choices_[choice];
  into.text += text;
  if (parts_wanted_) {
    parts.push_back({.choice = choice, .text = std::string(text), .logprobs = logprobs});
  }
  into.logprobs.insert(into.logprobs.end(), std::make_move_iterator(logprobs.begin()),
                       std::make_move_iterator(logprobs.end()));
}

void AnswerBuilder::add_reasoning(std::uint32_t choice, std::string_view text,
                                  std::vector<TextPart>& parts) {
  if (text.empty()) return;
  started_ = true;
  if (empty_) return;
  ++pieces_;
  choices_[choice].reasoning += text;
  if (parts_wanted_) {
    parts.push_back({.choice = choice, .text = std::string(text), .reasoning = true});
  }
}

Result<> AnswerBuilder::add_tool(std::uint32_t choice, std::size_t place, std::string_view id,
                                 std::string_view name, std::string_view arguments) {
  std::vector<ToolCall>& calls = choices_[choice].tool_calls;
  if (empty_) {
    started_ = true;
    return {};
  }
  if (place > calls.size() || place >= kMaxTools) {
    return fail(internal(
        formatted("the answer calls a tool at place {} after {} calls", place, calls.size())));
  }
  started_ = true;
  ++pieces_;
  if (place == calls.size()) calls.emplace_back();
  ToolCall& call = calls[place];
  if (!id.empty()) call.id = id;
  if (!name.empty()) call.name = name;
  call.arguments += arguments;
  return {};
}

void AnswerBuilder::finish(std::uint32_t choice, FinishReason reason) {
  choices_[choice].finish = reason;
  finished_[choice] = true;
}

bool AnswerBuilder::all_finished() const {
  return std::ranges::all_of(finished_, [](bool finished) { return finished; });
}

Result<GenerateResponse> AnswerBuilder::take(bool said_done) {
  if (!said_done && !all_finished()) {
    return fail(unavailable("the answer ends before it is complete"));
  }
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    Choice& choice = choices_[i];
    for (std::size_t n = 0; n < choice.tool_calls.size(); ++n) {
      ToolCall& call = choice.tool_calls[n];
      if (call.id.empty()) call.id = formatted("call_{}_{}", i, n);
      if (call.arguments.empty()) call.arguments = "{}";
    }
    if (empty_) choice.finish = FinishReason::kLength;
    if (!choice.tool_calls.empty() && choice.finish == FinishReason::kStop) {
      choice.finish = FinishReason::kToolCalls;
    }
  }
  if (!usage_told || empty_) usage.completion_tokens = pieces_;
  GenerateResponse response;
  response.choices = std::move(choices_);
  response.usage = usage;
  response.times = times;
  return response;
}

}  // namespace sluice::generation_wire
