#include "backends/openai/chunk.h"

#include <string>

#include "backends/generation_wire/error.h"
#include "backends/generation_wire/json_get.h"
#include "base/format.h"

namespace sluice::openai {

namespace {
using generation_wire::AnswerBuilder;
using generation_wire::get;
using generation_wire::get_any;
using generation_wire::get_count;
using generation_wire::get_text;
using simdjson::dom::element;

Result<FinishReason> finish_of(std::string_view reason) {
  if (reason == "length" || reason == "max_tokens" || reason == "model_length") {
    return FinishReason::kLength;
  }
  if (reason == "tool_calls" || reason == "function_call") return FinishReason::kToolCalls;
  if (reason == "error" || reason == "abort") {
    return fail(internal(formatted("the engine gave up: its finish_reason is {}", reason)));
  }
  return FinishReason::kStop;
}

// The older form of completions: tokens, token_logprobs and top_logprobs side by side.
std::vector<TokenLogprob> read_old_logprobs(const element& logprobs) {
  std::vector<TokenLogprob> out;
  const auto tokens = get<simdjson::dom::array>(logprobs, "tokens");
  const auto values = get<simdjson::dom::array>(logprobs, "token_logprobs");
  const auto tops = get<simdjson::dom::array>(logprobs, "top_logprobs");
  if (!tokens || !values) return out;
  auto value = values->begin();
  std::size_t place = 0;
  for (const element token : *tokens) {
    std::string_view text;
    if (token.get(text) != simdjson::SUCCESS || !(value != values->end())) break;
    double logprob = 0;
    if ((*value).get(logprob) != simdjson::SUCCESS) logprob = 0;  // null for the first
    ++value;
    TokenLogprob entry{.token = std::string(text), .logprob = logprob};
    simdjson::dom::object top;
    if (tops && tops->at(place).get(top) == simdjson::SUCCESS) {
      for (const auto& [other, chance] : top) {
        double number = 0;
        if (entry.top.size() < kMaxLogprobs && chance.get(number) == simdjson::SUCCESS) {
          entry.top.emplace_back(std::string(other), number);
        }
      }
    }
    out.push_back(std::move(entry));
    ++place;
  }
  return out;
}

std::vector<TokenLogprob> read_logprobs(const element& choice) {
  const auto logprobs = get_any(choice, "logprobs");
  if (!logprobs) return {};
  if (const auto content = get_any(*logprobs, "content")) {
    return generation_wire::read_logprobs(*content);
  }
  return read_old_logprobs(*logprobs);
}

Result<> take_tools(const element& list, std::uint32_t choice, AnswerBuilder& answer) {
  simdjson::dom::array calls;
  if (list.get(calls) != simdjson::SUCCESS) {
    return fail(internal("the answer has tool_calls that are no array"));
  }
  for (const element call : calls) {
    const std::size_t had = answer.tools(choice);
    const std::string_view id = get_text(call, "id");
    // Without an index an id begins a new call, and what has none goes on with the last one.
    const std::size_t guess = id.empty() && had > 0 ? had - 1 : had;
    const auto index = get<std::uint64_t>(call, "index").value_or(guess);
    const auto function = get_any(call, "function");
    std::string arguments;
    std::string_view name;
    if (function) {
      name = get_text(*function, "name");
      if (const auto given = get_any(*function, "arguments")) {
        std::string_view text;
        arguments = given->get(text) == simdjson::SUCCESS ? text : simdjson::minify(*given);
      }
    }
    if (auto added = answer.add_tool(choice, index, id, name, arguments); !added) return added;
  }
  return {};
}

Result<> take_choice(const element& choice, AnswerBuilder& answer, std::vector<TextPart>& parts) {
  const auto index = get<std::uint64_t>(choice, "index").value_or(0);
  if (auto checked = answer.check(index); !checked) return checked;
  const auto place = static_cast<std::uint32_t>(index);
  auto from = get_any(choice, "delta");
  if (!from) from = get_any(choice, "message");
  const bool chat = from.has_value();
  if (!chat) from = choice;  // of completions
  // Engines have one name or the other, and some both, for the same.
  std::string_view thought = get_text(*from, "reasoning_content");
  if (thought.empty()) thought = get_text(*from, "reasoning");
  answer.add_reasoning(place, thought, parts);
  const std::string_view text = get_text(*from, chat ? "content" : "text");
  answer.add_text(place, text, read_logprobs(choice), parts);
  if (const auto calls = get_any(*from, "tool_calls")) {
    if (auto taken = take_tools(*calls, place, answer); !taken) return taken;
  }
  if (const std::string_view reason = get_text(choice, "finish_reason"); !reason.empty()) {
    const auto finish = finish_of(reason);
    if (!finish) return fail(finish.error());
    answer.finish(place, *finish);
  }
  return {};
}

Duration from_ms(double ms) {
  const bool sane = ms > 0 && ms < 1e12;
  return sane ? Duration(static_cast<Duration::rep>(ms * 1e6)) : Duration{};
}

// Of llama.cpp's server, which says when it predicted, or of another Sluice, which says when it
// decoded. Whose words are others is measured from here.
void take_timings(const element& timings, AnswerBuilder& answer) {
  const auto predicted = get<double>(timings, "predicted_ms");
  const auto decode = predicted ? predicted : get<double>(timings, "decode_ms");
  if (!decode) return;
  answer.times_told = true;
  answer.times.load = from_ms(get<double>(timings, "load_ms").value_or(0));
  answer.times.prompt = from_ms(get<double>(timings, "prompt_ms").value_or(0));
  answer.times.decode = from_ms(*decode);
  if (!predicted) return;
  const std::uint32_t cached = get_count(timings, "cache_n");
  if (answer.usage.cached_tokens == 0) answer.usage.cached_tokens = cached;
  if (!answer.usage_told) {
    answer.usage_told = true;
    answer.usage.prompt_tokens = get_count(timings, "prompt_n") + cached;
    answer.usage.completion_tokens = get_count(timings, "predicted_n");
  }
}

void take_usage(const element& chunk, AnswerBuilder& answer) {
  if (const auto usage = get_any(chunk, "usage"); usage && usage->is_object()) {
    answer.usage_told = true;
    answer.usage.prompt_tokens = get_count(*usage, "prompt_tokens");
    answer.usage.completion_tokens = get_count(*usage, "completion_tokens");
    if (const auto details = get_any(*usage, "prompt_tokens_details")) {
      answer.usage.cached_tokens = get_count(*details, "cached_tokens");
    }
  }
  if (const auto timings = get_any(chunk, "timings"); timings && timings->is_object()) {
    take_timings(*timings, answer);
  }
}
}  // namespace

Result<> take_chunk(const element& chunk, AnswerBuilder& answer, std::vector<TextPart>& parts) {
  if (!chunk.is_object()) return fail(internal("the answer has a chunk that is no object"));
  if (auto error = generation_wire::error_in(chunk)) return fail(std::move(*error));
  if (const auto choices = get_any(chunk, "choices")) {
    simdjson::dom::array list;
    if (choices->get(list) != simdjson::SUCCESS) {
      return fail(internal("the answer has choices that are no array"));
    }
    for (const element choice : list) {
      if (auto taken = take_choice(choice, answer, parts); !taken) return taken;
    }
  }
  take_usage(chunk, answer);
  return {};
}

}  // namespace sluice::openai
