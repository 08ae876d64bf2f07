// What the simulated model answers: pure functions of the request.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backends/simulated/options.h"
#include "base/result.h"
#include "inference/generate.h"

namespace sluice::simulated {

// A text in tokens: its words, each with the blanks before it. Together they are the text, but for
// blanks at its end.
std::vector<std::string> tokens_of(std::string_view text);

// An answer before it is given; every choice is the same.
struct Plan {
  std::uint32_t prompt_tokens = 0;
  std::vector<std::string> pieces;  // one a token; the last may be cut by a stop text
  std::size_t thoughts = 0;         // so many of them, from the first, are thought and not said
  FinishReason finish = FinishReason::kStop;
  std::vector<ToolCall> calls;
};

// kInvalid when prompt and answer are longer than the context. Who wants it to think gets a thought
// before the answer. A tool is called when one must be,
// or when the user's text has its name as a word; JSON is answered as {"text": ...}.
Result<Plan> make_plan(const GenerateRequest& request, const SimulatedOptions& options);

// One vector of length 1 for each input: a count of its words, each at the place of its hash.
std::vector<float> embed(std::string_view text, std::size_t dimensions);

}  // namespace sluice::simulated
