// An answer, joined from the pieces in which it comes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inference/generate.h"

namespace sluice::generation_wire {

// A value; one thread. Its size is bounded by the bytes of the answer that it is made from.
//
// Parts are made only where they were asked for. Where no token was asked for (max_tokens 0, which
// some engines can't be asked for), what comes all the same is left out.
class AnswerBuilder {
 public:
  explicit AnswerBuilder(const GenerateRequest& request)
      : choices_(request.choices),
        finished_(request.choices, false),
        parts_wanted_(request.stream),
        empty_(request.max_tokens == 0U) {}

  // kInternal for a choice that was not asked for.
  Result<> check(std::uint64_t choice) const;
  // The rest takes choices that were checked.
  void add_text(std::uint32_t choice, std::string_view text, std::vector<TokenLogprob> logprobs,
                std::vector<TextPart>& parts);
  // Of what the model thinks before it answers.
  void add_reasoning(std::uint32_t choice, std::string_view text, std::vector<TextPart>& parts);
  // A piece of the tool's call at that place. An empty id or name changes nothing. kInternal for a
  // place that leaves one out.
  Result<> add_tool(std::uint32_t choice, std::size_t place, std::string_view id,
                    std::string_view name, std::string_view arguments);
  [[nodiscard]] std::size_t tools(std::uint32_t choice) const {
    return choices_[choice].tool_calls.size();
  }
  void finish(std::uint32_t choice, FinishReason reason);
  [[nodiscard]] bool started() const { return started_; }
  [[nodiscard]] bool all_finished() const;
  Usage usage;
  EngineTimes times;
  bool usage_told = false;
  bool times_told = false;

  // kUnavailable when a choice did not end and `said_done` is false. Usage that was not told is
  // counted by parts: most engines send one for each token.
  Result<GenerateResponse> take(bool said_done);

 private:
  std::vector<Choice> choices_;
  std::vector<bool> finished_;
  const bool parts_wanted_;
  const bool empty_;
  std::uint32_t pieces_ = 0;
  bool started_ = false;
};

}  // namespace sluice::generation_wire
